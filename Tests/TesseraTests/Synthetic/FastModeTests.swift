import TesseraOperators
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Fast mode")
  struct FastModeTests {
    private func load(_ model: SyntheticModel, _ precision: Precision) async throws -> LanguageModel {
      var options = LoadOptions()
      options.contextLength = 256
      options.precision = precision
      return try await model.load(options)
    }

    @Test("every chunk size gives the same bits, near those of exact mode", arguments: SyntheticModel.allSizes)
    func chunks(model: SyntheticModel) async throws {
      let tokens = SyntheticModel.ids(70)
      let exact = try await load(model, .exact)
      let fast = try await load(model, .fast)
      #expect(exact.precision == .exact)
      let whole = try await fast.allLogits(tokens)
      for chunk in [1, 7, 64] {
        #expect(
          try await fast.allLogits(tokens, chunk: chunk).map(\.bitPattern) == whole.map(\.bitPattern), "chunk \(chunk)")
      }
      let expected = try await exact.allLogits(tokens)
      let difference = zip(whole, expected).map { abs($0 - $1) }.max() ?? .infinity
      let largest = expected.map(abs).max() ?? 0
      // Where fast mode is not faster, on the device or of these weights, it is exact.
      #expect(fast.precision == .fast ? difference > 0 && difference < largest * 0.1 : difference == 0)
    }

    @Test("greedy tokens are those of its own logits", arguments: SyntheticModel.allSizes)
    func greedy(model: SyntheticModel) async throws {
      let fast = try await load(model, .fast)
      let prompt = SyntheticModel.ids(20)
      let run = try await fast.run(prompt)
      let logits = try await fast.allLogits(prompt + run.tokens)
      for (index, token) in run.tokens.enumerated() {
        let first = (prompt.count - 1 + index) * SyntheticModel.vocabularyCount
        let row = logits[first..<first + SyntheticModel.vocabularyCount]
        #expect(row.firstIndex(of: row.max() ?? 0) == first + token)
      }
    }
  }
}
