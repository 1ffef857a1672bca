/// Tunings that come with Tessera, of the drivers that it is tested with.
///
/// Made by `tessera tune` on an AMD EPYC (Zen 4, AVX-512); taken are the choices that two runs agreed on. They hold for
/// other CPUs of the same driver with vectors of 16 floats.
public enum ShippedTunings {
  public static let entries: [TuningDatabase.Entry] = [
    TuningDatabase.Entry(
      platform: "Intel(R) OpenCL", device: "AMD EPYC", driver: "2026.22.10.0.01_160000", style: .vector,
      vectorWidth: 16,
      choices: [
        "matmul/one/4-bit": ["TILE_N": 4],
        "matmul/one/4-bit-k": ["TILE_N": 4],
        "matmul/one/16-bit": ["TILE_N": 1],
        "matmul/many/6-bit-k": ["TILE_N": 1],
        "matmul/many/16-bit": ["TILE_N": 1],
      ]),
    TuningDatabase.Entry(
      platform: "Portable Computing Language", device: "pthread-skylake-avx512-AMD EPYC", driver: "3.1+debian",
      style: .vector, vectorWidth: 16,
      choices: ["matmul/one/16-bit": ["TILE_N": 1]]),
  ]
}
