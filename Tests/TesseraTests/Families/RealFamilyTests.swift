import Foundation
import TesseraModels
import Testing

/// Real models of families whose other tests are tiny ones, where the environment names them.
private struct RealModel {
  let path: String?

  static let qwen2 = RealModel(path: variable("TESSERA_TEST_QWEN2"))
  static let miniLM = RealModel(path: variable("TESSERA_TEST_MINILM"))

  private static func variable(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  static func fixture<T: Decodable>(_ name: String, as type: T.Type) throws -> T {
    try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: FamilyFixture.path(name))))
  }
}

/// Of `make_logits_fixtures.py`.
private struct RealLogits: Decodable {
  struct Prompt: Decodable {
    let name: String
    let prompt, generated: [Int]
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
  let prompts: [Prompt]
}

/// Of `make_embedding_fixtures.py`.
private struct RealEmbeddings: Decodable {
  struct Text: Decodable {
    let text: String
    let ids: [Int]
    let embedding: FixtureMatrix
  }
  let texts: [Text]
}

extension FamilySuites {
  @Suite("Real models beside transformers")
  struct RealFamilyTests {
    @Test(
      "Qwen2.5's log-probabilities agree within 2e-3, its greedy tokens wherever the margin exceeds 0.01",
      .enabled(if: RealModel.qwen2.path != nil, "TESSERA_TEST_QWEN2 is not set"))
    func qwen2() throws {
      let runner = try FamilyModel(path: #require(RealModel.qwen2.path)).runner
      let vocabulary = runner.profile.vocabularySize
      for prompt in try RealModel.fixture("logits-qwen2.json", as: RealLogits.self).prompts.prefix(2) {
        let sequence = runner.cache.makeSequence()
        defer { sequence.close() }
        let tokens = prompt.prompt + prompt.generated
        let result = try runner.run(
          Batch([.init(sequence: sequence, tokens: tokens, outputs: .all)]), wantsLogits: false)
        let tops = Dictionary(uniqueKeysWithValues: prompt.top.map { ($0.position, $0) })
        var worst = 0.0
        for position in 0..<tokens.count {
          let index = position - prompt.prompt.count + 1
          let isClear = prompt.margins.indices.contains(index) && prompt.margins[index] > 0.01
          guard isClear || tops[position] != nil else { continue }
          let row = try runner.logits(result, rows: position..<position + 1)
          #expect(row.count == vocabulary)
          if isClear {
            #expect(row.indices.max { row[$0] < row[$1] } == prompt.generated[index], "\(prompt.name), token \(index)")
          }
          guard let top = tops[position] else { continue }
          let most = Double(row.max() ?? 0)
          let logSum = log(row.reduce(0.0) { $0 + exp(Double($1) - most) }) + most
          for (id, expected) in zip(top.ids, top.logProbabilities) {
            worst = max(worst, abs(Double(row[id]) - logSum - expected))
          }
        }
        #expect(worst < 2e-3, "\(prompt.name): \(worst)")
      }
    }

    @Test(
      "MiniLM's embeddings, means of hidden states at length one, agree within 1e-4 of their root mean square",
      .enabled(if: RealModel.miniLM.path != nil, "TESSERA_TEST_MINILM is not set"))
    func miniLM() throws {
      let runner = try FamilyModel(path: #require(RealModel.miniLM.path)).runner
      let size = runner.profile.hiddenSize
      for text in try RealModel.fixture("embeddings-minilm.json", as: RealEmbeddings.self).texts {
        let sequence = runner.cache.makeSequence()
        defer { sequence.close() }
        let states = try runner.hidden(
          runner.run(Batch([.init(sequence: sequence, tokens: text.ids, outputs: .all)])))
        // The mean's length does not matter.
        let sum = (0..<size).map { column in
          stride(from: column, to: states.count, by: size).reduce(0.0) { $0 + Double(states[$1]) }
        }
        let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let distance = worstRelative(sum.map { Float($0 / length) }, text.embedding.values)
        #expect(distance < 1e-4, "\(text.text): \(distance)")
      }
    }
  }
}
