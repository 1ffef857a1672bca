import Foundation
import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators
import TestSupport
import Testing

@testable import TesseraModels

@Suite("Conversion of models")
struct ConversionTests {
  @Test("YaRN's magnitude is written as llama.cpp reads it: a factor of the usual one")
  func yarn() throws {
    let original = URL(fileURLWithPath: try FamilyFixture.path("families/qwen2-tied"))
    try withTemporaryFolder { folder in
      let data = try Data(contentsOf: original.appendingPathComponent("config.json"))
      var config = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      config["rope_parameters"] = ["rope_theta": 1e6, "rope_type": "yarn", "factor": 4, "attention_factor": 0.75]
      try JSONSerialization.data(withJSONObject: config).write(to: folder.appendingPathComponent("config.json"))
      try FileManager.default.copyItem(
        at: original.appendingPathComponent("model.safetensors"), to: folder.appendingPathComponent("model.safetensors")
      )
      let converter = try ModelConverter(HuggingFaceCheckpoint(path: folder.path), to: nil)
      let factor = try converter.metadata.double("qwen2.rope.scaling.attn_factor")
      #expect(abs(factor - 0.75 / (1 + 0.1 * log(4))) < 1e-6)
      let described = try DescribedCheckpoint(
        name: "written",
        metadata: Dictionary(
          converter.metadata.keys.compactMap { key in converter.metadata[key].map { (key, $0) } },
          uniquingKeysWith: { first, _ in first }), tensors: converter.items.map(\.tensor))
      let limits = DeviceLimits(
        name: "any", isCPU: true, vectorWidth: 8, localMemoryBytes: 1 << 16, maxWorkGroupSize: 256,
        globalMemoryBytes: 1 << 34, maxAllocationBytes: 1 << 32, baseAddressAlignment: 64)
      let layout = try ModelLayout(described, limits: limits, options: .init())
      #expect(abs((layout.profile.rotaryTables.first?.magnitude ?? 0) - 0.75) < 1e-6)
    }
  }

  @Test("matrices get the wanted type, or one with smaller blocks; vectors, norms and routers are float32")
  func types() {
    func type(_ name: String, _ shape: [Int], _ source: GGMLType?, _ wanted: GGMLType?) -> GGMLType {
      ConversionType.type(of: name, shape: shape, from: source, wanted: wanted)
    }
    #expect(type("blk.0.attn_q.weight", [8, 512], .f16, .q4_K) == .q4_K)
    #expect(type("blk.0.attn_q.weight", [8, 96], .f16, .q4_K) == .q5_0)
    #expect(type("blk.0.attn_q.weight", [8, 96], nil, .q6_K) == .q8_0)
    #expect(type("blk.0.attn_q.weight", [8, 96], .f32, .tq1_0) == .q4_0)
    #expect(type("blk.0.attn_q.weight", [8, 40], .f32, .q8_0) == .f16)
    #expect(type("blk.0.attn_q.weight", [8, 40], .f32, .f32) == .f32)
    #expect(type("blk.0.attn_q.bias", [512], .bf16, .q8_0) == .f32)
    #expect(type("blk.0.attn_norm.weight", [1, 512], .f16, .q8_0) == .f32)
    #expect(type("blk.0.ffn_gate_inp.weight", [8, 512], .f16, .q8_0) == .f32)
    #expect(type("blk.0.attn_q.weight", [8, 512], .q4_0, .q8_0) == .q4_0)
    #expect(type("rope_freqs.weight", [32], .i32, .q8_0) == .i32)
    #expect(type("blk.0.attn_q.weight", [8, 512], .bf16, nil) == .bf16)
    #expect(ConversionType.named("q4_k") == .q4_K && ConversionType.named("iq1_s") == nil)
  }

  /// Their keys' up-projections lie transposed in GGUF files, head by head, which is not written.
  private static let latent = ["deepseek-v2", "deepseek-v3"]

  @Test("latent attention is not written", arguments: latent)
  func latentAttention(folder: String) throws {
    let path = try FamilyFixture(folder: folder, file: nil).folderPath
    let error = #expect(throws: ModelError.self) { try ModelConverter(HuggingFaceCheckpoint(path: path), to: nil) }
    #expect(error.map { "\($0)".contains("latent attention") } == true)
  }

  @Test(
    "a decoder's folder becomes the GGUF file that llama.cpp's converter makes of it",
    arguments: FamilyFixture.all.filter { $0.file == "model-q8_0.gguf" && !latent.contains($0.folder) }.map(\.folder))
  func asLlamaCpp(folder: String) throws {
    let fixture = FamilyFixture(folder: folder, isGGUF: true)
    let file = try GGUFCheckpoint(path: fixture.path)
    let converter = try ModelConverter(HuggingFaceCheckpoint(path: fixture.folderPath), to: nil)
    #expect(Set(converter.items.map(\.tensor.name)) == Set(file.tensors.map(\.name)))
    for item in converter.items {
      let stored = try file.requiredTensor(named: item.tensor.name)
      #expect(item.tensor.shape == stored.shape && item.tensor.type == stored.type, "\(stored.name)")
      if stored.type == .mxfp4 {
        var bytes: [UInt8] = []
        try item.rows.withRows(0..<item.rows.rowCount) { bytes += $0 }
        #expect(try bytes == Array(file.bytes(of: stored)), "\(stored.name)")
        continue
      }
      var values: [Float] = []
      try item.rows.withRows(0..<item.rows.rowCount) { values += FloatTensor.values($0, item.rows.type) }
      let expected = try FloatTensor.values(stored, in: file)
      // llama.cpp computes factors of frequencies in float32.
      let tolerance: Float = stored.name.hasPrefix("rope_") ? 1e-5 : 0
      let isSame = zip(values, expected).allSatisfy { abs($0 - $1) <= tolerance * abs($1) }
      #expect(isSame && values.count == expected.count, "\(stored.name)")
    }
    let architecture = try file.metadata.string("general.architecture")
    #expect(try converter.metadata.string("general.architecture") == architecture)
    var known = 0
    for key in file.metadata.keys where key.hasPrefix("\(architecture).") {
      guard let wanted = file.metadata[key]?.doubleValue, let found = converter.metadata[key]?.doubleValue else {
        continue
      }
      #expect(abs(found - wanted) <= 1e-6 * abs(wanted), "\(key): \(found), \(wanted)")
      known += 1
    }
    #expect(known > 6)
  }

  @Test("rows are joined, taken in another order, and given in pieces")
  func rows() throws {
    func read(_ rows: TensorRows, _ range: Range<Int>) throws -> [Float] {
      var values: [Float] = []
      try rows.withRows(range) { bytes in
        values += stride(from: 0, to: bytes.count, by: 4).map {
          bytes.loadUnaligned(fromByteOffset: $0, as: Float.self)
        }
      }
      return values
    }
    let a = TensorRows.floats([1, 2, 3, 4], columnCount: 2), b = TensorRows.floats([5, 6], columnCount: 2)
    let joined = try TensorRows.joined([a, b])
    #expect(joined.rowCount == 3)
    #expect(try read(joined, 0..<3) == [1, 2, 3, 4, 5, 6] && read(joined, 1..<3) == [3, 4, 5, 6])
    #expect(try read(joined.reordered { 2 - $0 }, 0..<2) == [5, 6, 3, 4])
    #expect(throws: ModelError.self) { try TensorRows.joined([a, .floats([1], columnCount: 1)]) }
    #expect(throws: ModelError.self) { try TensorRows.joined([]) }
    #expect(throws: ModelError.self) { try ModelConverter.Item("x", .f32, shape: [3, 2], rows: a) }
    #expect(throws: ModelError.self) {
      try ModelConverter.Item(
        "x", .iq1_S, shape: [1, 256],
        rows: .floats(
          [Float](repeating: 0, count: 256), columnCount: 256))
    }
    #expect(throws: FileError.self) { try ModelConverter.Item("x", .q8_0, shape: [2, 2], rows: a) }
  }

  @Test("a file's float matrices are quantized, its vectors widened, the rest copied", arguments: TestDevices.all)
  func converted(device: TestDevice) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let values: [Float] = (0..<40 * 64).map { i in Float(i * 37 % 101) / 50 - 1 }
    let halves: [UInt8] = [0, 0x3C, 0, 0xC0, 0, 0x34, 1, 0]
    let blocks4 = (0..<72).map { UInt8($0) }
    let (input, output) = (folder.appendingPathComponent("in"), folder.appendingPathComponent("out"))
    let source = try GGUFFileWriter(
      path: input.path,
      metadata: Metadata(
        [
          "general.architecture": .string("llama"), "split.count": .uint32(1), "general.file_type": .uint32(0),
          "tokens": .array(MetadataArray(strings: ["a", "b"])),
        ], of: "test"),
      tensors: [
        StoredTensor("w.weight", .f32, [40, 64]), StoredTensor("w.bias", .f16, [4]),
        StoredTensor("kept.weight", .q4_0, [2, 64]),
      ])
    try values.withUnsafeBytes { try source.append($0) }
    try source.append(halves)
    try source.append(blocks4)
    try source.finish()
    let before = try GGUFCheckpoint(path: input.path)
    let context = try device.context()
    // Rows pass in several pieces.
    let size = try ModelConverter(before, to: .q8_0).write(to: output.path, stagingBytes: 4096) { context }
    let after = try GGUFCheckpoint(path: output.path)
    defer { withExtendedLifetime(after) {} }
    #expect(try Data(contentsOf: output).count == size)
    #expect(try after.metadata.int("general.file_type") == 7 && after.metadata.strings("tokens") == ["a", "b"])
    #expect(after.metadata["split.count"] == nil && after.tensors.count == 3)
    let kept = try after.requiredTensor(named: "kept.weight")
    #expect(kept.type == .q4_0)
    #expect(try Array(after.bytes(of: kept)) == blocks4)
    let bias = try after.requiredTensor(named: "w.bias")
    #expect(bias.type == .f32 && bias.shape == [4])
    let floats = try after.bytes(of: bias)
    let widened: [Float] = (0..<4).map { i in floats.loadUnaligned(fromByteOffset: 4 * i, as: Float.self) }
    #expect(widened == [1, -2, 0.25, 0x1p-24])
    let matrix = try after.requiredTensor(named: "w.weight")
    #expect(matrix.type == .q8_0 && matrix.shape == [40, 64])
    let blocks = try after.bytes(of: matrix)
    for (block, start) in stride(from: 0, to: values.count, by: 32).enumerated() {
      let largest = values[start..<start + 32].map(abs).max() ?? 0
      for i in 0..<32 {
        let quant = Float(blocks.load(fromByteOffset: block * 34 + 2 + i, as: Int8.self))
        #expect(abs(quant * largest / 127 - values[start + i]) <= largest / 253, "element \(start + i)")
      }
    }
  }
}
