import Foundation
import TesseraModels
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("How likely continuations are")
  struct ScoreTests {
    private func model(_ folder: String) async throws -> LanguageModel {
      try await LanguageModel.load(from: URL(fileURLWithPath: FamilyFixture.path("families/\(folder)")))
    }

    /// Checks a score against log-probabilities, (tokens, vocabulary).
    private func check(_ score: ContinuationScore, _ rows: FixtureMatrix, from first: Int) {
      let columns = rows.shape[1]
      var isGreedy = true
      for (index, token) in score.tokens.enumerated() {
        let start = (first - 1 + index) * columns
        #expect(abs(score.logProbabilities[index] - Double(rows.values[start + token])) < 1e-4)
        isGreedy = isGreedy && rows.values[start..<start + columns].max() == rows.values[start + token]
      }
      #expect(score.isGreedy == isGreedy)
      #expect(abs(score.sum - score.logProbabilities.reduce(0, +)) < 1e-12)
    }

    @Test("log-probabilities are those of transformers, wherever the continuation begins")
    func decoder() async throws {
      let model = try await model("qwen2-tied")
      let prompts = try #require(FamilyFixture(folder: "qwen2-tied", isGGUF: false).reference().prompts)
      for prompt in prompts where prompt.tokens.count > 1 {
        for first in [1, prompt.tokens.count / 2, prompt.tokens.count - 1] {
          let score = try await model.score(
            tokens: Array(prompt.tokens[..<first]), continuation: Array(prompt.tokens[first...]))
          #expect(score.tokens == Array(prompt.tokens[first...]))
          check(score, prompt.logProbabilities, from: first)
        }
        let greedy = try await model.score(tokens: prompt.tokens, continuation: prompt.generated)
        #expect(greedy.isGreedy && greedy.logProbabilities.count == prompt.generated.count)
      }
      await #expect(throws: TesseraError.self) { try await model.score(tokens: [], continuation: [1]) }
      await #expect(throws: TesseraError.self) { try await model.score(tokens: [1], continuation: []) }
      await #expect(throws: ModelError.self) { try await model.score(tokens: [1], continuation: [96]) }
      await #expect(throws: TesseraError.self) {
        try await model.score(tokens: [1], continuation: [Int](repeating: 1, count: 200))
      }
    }

    @Test("an encoder-decoder continues a target, knowing a source")
    func encoderDecoder() async throws {
      let model = try await model("t5")
      let pair = try #require(FamilyFixture(folder: "t5", isGGUF: false).reference().pairs)[2]
      let score = try await model.score(
        tokens: [pair.target[0]], continuation: Array(pair.target.dropFirst()), source: pair.source)
      check(score, pair.logProbabilities, from: 1)
      await #expect(throws: ModelError.self) { try await model.score(tokens: [0], continuation: [5]) }
    }

    @Test("an encoder has no continuations")
    func encoder() async throws {
      let model = try await model("bert")
      await #expect(throws: ModelError.self) { try await model.score(tokens: [5], continuation: [6]) }
    }
  }
}
