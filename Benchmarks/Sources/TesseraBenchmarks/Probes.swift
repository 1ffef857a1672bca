import BenchmarkProbes
import BenchmarkReports
import TesseraCL

/// Measures the roofs: `probe.cl` in every variant, the fastest of which counts.
struct Probes {
  private struct Variant {
    var width: Int
    var accumulators = 8
    /// Each work-item has one stretch of memory.
    var isContiguous: Bool
    var itemsPerUnit: Int
    var local: Int

    var name: String {
      "float\(width > 1 ? "\(width)" : ""), \(isContiguous ? "a stretch" : "strides") for each of \(itemsPerUnit) items a unit"
    }
  }

  private static let memoryVariants = [
    Variant(width: 4, isContiguous: true, itemsPerUnit: 8, local: 1),
    Variant(width: 16, isContiguous: true, itemsPerUnit: 8, local: 1),
    Variant(width: 1, isContiguous: false, itemsPerUnit: 2048, local: 256),
    Variant(width: 4, isContiguous: false, itemsPerUnit: 2048, local: 256),
    Variant(width: 4, isContiguous: false, itemsPerUnit: 8192, local: 256),
  ]
  private static let arithmeticVariants = [
    Variant(width: 16, accumulators: 4, isContiguous: true, itemsPerUnit: 8, local: 1),
    Variant(width: 16, accumulators: 8, isContiguous: true, itemsPerUnit: 8, local: 1),
    Variant(width: 8, accumulators: 12, isContiguous: true, itemsPerUnit: 8, local: 1),
    Variant(width: 1, accumulators: 16, isContiguous: false, itemsPerUnit: 2048, local: 256),
    Variant(width: 4, accumulators: 8, isContiguous: false, itemsPerUnit: 2048, local: 256),
  ]

  let bench: Bench
  /// Runs of the fastest variant.
  var repetitions = 15

  func roofs() throws -> Roofs {
    var count = 0
    let bytes = UnsafeBufferPointer(start: benchmark_probe_source(&count), count: count)
    let source = String(decoding: bytes, as: UTF8.self)
    let profile = bench.profile
    // Larger than any cache, whole vectors for every variant, and two of them fit.
    let items = max(1, profile.computeUnits) * 8192
    let unit = items * 16 * 4 * 4
    let wanted = min(max(bench.coldBytes, 256 << 20), profile.maxAllocationBytes, profile.globalMemoryBytes / 8)
    let byteCount = max(1, wanted / unit) * unit
    // As weights are kept.
    let x = try bench.pattern(byteCount: byteCount, isHalf: false, backing: .hugePages)
    let y = try Buffer(bench.queue.context, byteCount: byteCount, backing: .hugePages)
    let read = try best(Self.memoryVariants, "read_floats", source) { kernel, variant, range in
      try bench.queue.enqueue(kernel, over: range, x, y, UInt64(byteCount / 4 / variant.width))
      return Double(byteCount)
    }
    let copy = try best(Self.memoryVariants, "copy_floats", source) { kernel, variant, range in
      try bench.queue.enqueue(kernel, over: range, x, y, UInt64(byteCount / 4 / variant.width))
      return 2 * Double(byteCount)
    }
    let multiplyAdd = try best(Self.arithmeticVariants, "fma_floats", source) { kernel, variant, range in
      // About 10 ms on a core with one 512-bit unit at 3 GHz, or on a multiprocessor of 128 lanes at 1.5 GHz.
      let rounds = max(1, 500_000_000 / (variant.itemsPerUnit * variant.width * variant.accumulators))
      try bench.queue.enqueue(kernel, over: range, y, Float(0.5), Float(1), UInt32(rounds))
      let items = variant.itemsPerUnit * max(1, profile.computeUnits)
      return 2 * Double(items * variant.width * variant.accumulators) * Double(rounds)
    }
    return Roofs(read: read, copy: copy, multiplyAdd: multiplyAdd)
  }

  /// The fastest variant, at its best. `enqueue` returns the bytes or the operations of a run.
  private func best(
    _ variants: [Variant], _ name: String, _ source: String,
    enqueue: (Kernel, Variant, NDRange) throws -> Double
  ) throws -> Roofs.Roof {
    var fastest: (variant: Variant, kernel: Kernel, rate: Double)?
    var problem: (any Error)?
    func run(_ kernel: Kernel, _ variant: Variant) throws -> (seconds: Double, work: Double) {
      let range = NDRange(
        global: [variant.itemsPerUnit * max(1, bench.profile.computeUnits)], local: [variant.local])
      var work = 0.0
      let seconds = try bench.queue.kernelSeconds { work = try enqueue(kernel, variant, range) }.reduce(0, +)
      return (seconds, work)
    }
    for variant in variants where variant.local <= bench.profile.maxWorkGroupSize {
      do {
        let options = [
          "-cl-std=CL1.2", "-DWIDTH=\(variant.width)", "-DACCUMULATORS=\(variant.accumulators)",
          "-DCONTIGUOUS=\(variant.isContiguous ? 1 : 0)",
        ]
        let program = try Program(
          bench.queue.context, source: source, name: "probe.cl", options: options, cache: .standard)
        let kernel = try program.kernel(name)
        let (first, work) = try run(kernel, variant)
        // What is far behind at its first run stays there.
        if let fastest, work < fastest.rate * first / 3 { continue }
        let seconds = Summary(try (0..<3).map { _ in try run(kernel, variant).seconds })?.median ?? 0
        let rate = seconds > 0 ? work / seconds : 0
        if rate > fastest?.rate ?? 0 { fastest = (variant, kernel, rate) }
      } catch { problem = error }
    }
    guard let fastest else { throw problem ?? BenchmarkError("the probe \(name) gave no time on this device") }
    let runs = try (0..<max(1, repetitions)).map { _ in try run(fastest.kernel, fastest.variant) }
      .filter { $0.seconds > 0 }
    guard let work = runs.first?.work, let seconds = Summary(runs.map(\.seconds)) else {
      throw BenchmarkError("the probe \(name) gave no time on this device")
    }
    return .init(rate: work / seconds.lowerQuartile, seconds: seconds, variant: fastest.variant.name)
  }
}
