import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Tuned models")
  struct TunedModelTests {
    /// Values of products of few tokens, and of many: kernels of their own in the simt style.
    private struct Choice {
      var few: [String: Int]
      var many: [String: Int]

      static func of(_ style: KernelStyle) -> [Choice] {
        guard style == .vector else {
          return [
            .init(
              few: ["LOCAL": 64, "SHARE": 2, "AHEAD": 1], many: ["TILE_M": 32, "TILE_ROWS": 64, "ITEM_TOKENS": 4]),
            .init(
              few: ["LOCAL": 256, "SHARE": 1, "AHEAD": 4], many: ["TILE_M": 32, "TILE_ROWS": 128, "ITEM_TOKENS": 4]),
          ]
        }
        return [["TILE_M": 4, "TILE_N": 1, "TILES": 2], ["TILE_M": 8, "TILE_N": 4, "TILES": 16]].map {
          .init(few: $0, many: $0)
        }
      }

      func classes(_ weights: String, _ style: KernelStyle) -> [(name: String, values: [String: Int])] {
        let kinds = Tuning.TokenClass.allCases
        guard style == .vector else {
          return [.one, .few].map { (Tuning.matmul($0, weights), few) } + [(Tuning.wide(weights), many)]
        }
        return kinds.map { (Tuning.matmul($0, weights), $0 == .many ? many : few) }
          + kinds.map { (Tuning.step($0, weights), few.filter { $0.key != "TILE_N" }) }
      }
    }

    @Test("tunings change no bit of the logits", arguments: SyntheticModel.all, KernelStyle.allCases)
    func sameBits(model: SyntheticModel, style: KernelStyle) async throws {
      let ids = SyntheticModel.ids(40)
      func logits(_ choice: Choice?) async throws -> [UInt32] {
        var tuning = Tuning()
        for weights in choice == nil ? [] : ["8-bit", "32-bit"] {
          for (name, values) in choice?.classes(weights, style) ?? [] {
            let isTaken = tuning.choose(values, for: name, style: style)
            try #require(isTaken, "\(name)")
          }
        }
        var options = LoadOptions()
        (options.tuning, options.style) = (tuning, style)
        let language = try await model.load(options)
        // A prompt at once, and its tokens one by one.
        return try await (language.allLogits(ids) + language.allLogits(Array(ids.prefix(5)), chunk: 1))
          .map(\.bitPattern)
      }
      let expected = try await logits(nil)
      for choice in Choice.of(style) { #expect(try await logits(choice) == expected, "\(choice)") }
    }
  }
}
