import TesseraFiles
import Testing

@testable import TesseraModels

/// What single families do with their weights or contexts.
@Suite("Variants of families")
struct VariantTests {
  @Test("rows of an output are divided by their lengths, in the type that they are stored in")
  func normalizedRows() throws {
    let rows: [Float] = [3, 4, 0, 0, -5, 12]
    let expected: [Float] = [0.6, 0.8, 0, 0, -5 / 13, 12 / 13]
    let stored: [(type: GGMLType, words: [UInt32], bytes: Int, distance: Float)] = [
      (.f32, rows.map(\.bitPattern), 4, 1e-7),
      (.f16, rows.map { UInt32(Float16($0).bitPattern) }, 2, 1e-3 / 4),
      (.bf16, rows.map { $0.bitPattern >> 16 }, 2, 1e-3 * 2),
    ]
    for (type, words, size, distance) in stored {
      let bytes = words.flatMap { word in (0..<size).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
      let tensor = try StoredTensor("rows", type, [3, 2])
      let normalized = bytes.withUnsafeBytes { FloatTensor.normalized($0, tensor) }
      let values = normalized.withUnsafeBytes { FloatTensor.values($0, type) }
      let worst = zip(values, expected).map { abs($0 - $1) }.max() ?? .infinity
      #expect(values.count == 6 && worst <= distance, "\(type.name): \(values)")
    }
  }

  @Test("a folder of Baichuan 2 13B becomes no GGUF file, which would say neither its ALiBi nor its output")
  func baichuan() throws {
    for (folder, word) in [("baichuan2-13b", "ALiBi"), ("baichuan", "normalized")] {
      let error = #expect(throws: ModelError.self) {
        try FamilyFixture.withCopy(of: folder, config: { $0.merging(["z_loss_weight": 0]) { $1 } }) {
          _ = try ModelConverter(HuggingFaceCheckpoint(path: $0), to: nil)
        }
      }
      #expect(error?.message.contains(word) == true)
    }
  }

  @Test("Ministral 3 takes no context in which its queries get a factor", arguments: [false, true])
  func temperedContext(isGGUF: Bool) throws {
    let fixture = FamilyFixture(folder: "ministral3", isGGUF: isGGUF)
    #expect(try fixture.model().runner.contextLength == 64)
    var options = ModelRunner.Options()
    options.contextLength = 65
    let error = #expect(throws: ModelError.self) { try fixture.model(options) }
    #expect(error?.message.contains("1 to 64") == true)
    try FamilyFixture.withCopy(
      of: "ministral3",
      config: { config in
        var rope = config["rope_parameters"] as? [String: Any] ?? [:]
        rope["llama_4_scaling_beta"] = 0
        return config.merging(["rope_parameters": rope]) { $1 }
      },
      { path in
        let context = try FamilyModel(path: path).runner.contextLength
        #expect(context == 128)
      })
  }
}
