import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Tuned models")
  struct TunedModelTests {
    @Test("tunings change no bit of the logits", arguments: SyntheticModel.all, KernelStyle.allCases)
    func sameBits(model: SyntheticModel, style: KernelStyle) async throws {
      let ids = SyntheticModel.ids(40)
      func logits(_ values: [String: Int]) async throws -> [UInt32] {
        var tuning = Tuning()
        for kind in Tuning.TokenClass.allCases {
          for weights in ["8-bit", "32-bit"] {
            let isTaken = tuning.choose(values, for: Tuning.matmul(kind, weights), style: style)
            try #require(isTaken)
            guard style == .vector else { continue }
            tuning.choose(values.filter { $0.key != "TILE_N" }, for: Tuning.step(kind, weights), style: style)
          }
        }
        var options = LoadOptions()
        (options.tuning, options.style) = (tuning, style)
        let language = try await model.load(options)
        // A prompt at once, and its tokens one by one.
        return try await (language.allLogits(ids) + language.allLogits(Array(ids.prefix(5)), chunk: 1))
          .map(\.bitPattern)
      }
      let expected = try await logits([:])
      for values in [["TILE_M": 4, "TILE_N": 1, "TILES": 2], ["TILE_M": 8, "TILE_N": 4, "TILES": 16]] {
        #expect(try await logits(values) == expected, "\(values)")
      }
    }
  }
}
