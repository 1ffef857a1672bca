import Foundation
import Synchronization
import Testing

@testable import Tessera

/// What transformers computed in float32 (`Tests/Fixtures-scripts/make_logits_fixtures.py`).
private struct LogitsFixture: Decodable {
  struct Prompt: Decodable {
    let name: String
    let prompt: [Int]
    let generated: [Int]
    let margins: [Double]
    let top: [Top]
  }
  /// [position, [ids], [log-probabilities]]
  struct Top: Decodable {
    let position: Int
    let ids: [Int]
    let logProbabilities: [Double]

    init(from decoder: any Decoder) throws {
      var row = try decoder.unkeyedContainer()
      position = try row.decode(Int.self)
      ids = try row.decode([Int].self)
      logProbabilities = try row.decode([Double].self)
    }
  }
  /// What the file calls its family; docs/families.md says so, too.
  let architecture: String
  let prompts: [Prompt]
}

/// Gathers logits from the model's thread.
private final class LogitsCollector: Sendable {
  private let rows = Mutex<[Float]>([])
  func append(_ values: [Float]) { rows.withLock { $0 += values } }
  var values: [Float] { rows.withLock { $0 } }
}

extension LanguageModel {
  func allLogits(_ tokens: [Int], chunk: Int? = nil) async throws -> [Float] {
    let collector = LogitsCollector()
    try await logits(tokens: tokens, chunk: chunk) { collector.append($0) }
    return collector.values
  }
}

extension ModelSuites {
  @Suite("Logits beside transformers' in float32")
  struct LogitsTests {
    @Test(
      "log-probabilities agree within 2e-3, greedy tokens wherever the margin exceeds 0.01",
      .enabled(if: !TestModel.all.isEmpty, "TESSERA_TEST_SMOLLM2 and TESSERA_TEST_GEMMA3 are not set"),
      arguments: TestModel.all)
    func agreesWithTransformers(model: TestModel) async throws { try await compare(model) }

    @Test(
      "Qwen2.5's do, too: queries, keys and values have biases",
      .enabled(if: TestModel.qwen2 != nil, "TESSERA_TEST_QWEN2 is not set"))
    func qwen2AgreesWithTransformers() async throws { try await compare(#require(TestModel.qwen2)) }

    private func compare(_ model: TestModel) async throws {
      let fixture = try model.fixture("logits", as: LogitsFixture.self)
      let language = try await model.load()
      #expect(language.profile.architecture == fixture.architecture)
      let vocabulary = language.profile.vocabularySize
      // The longer prompts are `scripts/verify-logits`' work.
      for prompt in fixture.prompts.filter({ $0.prompt.count <= 250 }) {
        let logits = try await language.allLogits(prompt.prompt + prompt.generated)
        func row(_ position: Int) -> ArraySlice<Float> { logits[position * vocabulary..<(position + 1) * vocabulary] }
        var worst = 0.0
        for top in prompt.top {
          let row = row(top.position)
          let most = Double(row.max() ?? 0)
          let logSum = log(row.reduce(0.0) { $0 + exp(Double($1) - most) }) + most
          for (id, expected) in zip(top.ids, top.logProbabilities) {
            worst = max(worst, abs(Double(row[row.startIndex + id]) - logSum - expected))
          }
        }
        #expect(worst < 2e-3, "\(prompt.name): \(worst)")
        for (index, (token, margin)) in zip(prompt.generated, prompt.margins).enumerated() where margin > 0.01 {
          let row = row(prompt.prompt.count - 1 + index)
          let best = row.indices.max { row[$0] < row[$1] }.map { $0 - row.startIndex }
          #expect(best == token, "\(prompt.name), generated token \(index)")
        }
      }
    }

    @Test(
      "every chunk size gives the same bits",
      .enabled(if: !TestModel.all.isEmpty, "TESSERA_TEST_SMOLLM2 and TESSERA_TEST_GEMMA3 are not set"),
      arguments: TestModel.all)
    func sameBits(model: TestModel) async throws {
      let fixture = try model.fixture("logits", as: LogitsFixture.self)
      let tokens = Array(try #require(fixture.prompts.first { $0.prompt.count > 70 }).prompt.prefix(70))
      let language = try await model.load()
      let whole = try await language.allLogits(tokens)
      for chunk in [1, 7, 64] {
        let logits = try await language.allLogits(tokens, chunk: chunk)
        #expect(logits.map(\.bitPattern) == whole.map(\.bitPattern), "chunk \(chunk)")
      }
    }
  }
}
