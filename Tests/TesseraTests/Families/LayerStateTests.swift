import Foundation
import TesseraMemory
import TesseraModels
import Testing

extension FamilySuites {
  @Suite("Hidden states behind any layer")
  struct LayerStateTests {
    private struct Case: Decodable {
      let source: [Int]?
      let tokens: [Int]
      let states: [FixtureMatrix]
    }

    @Test(
      "they are those of transformers, from the embeddings on",
      arguments: ["qwen2-tied", "gpt2", "t5", "bert", "albert", "modernbert"])
    func layers(folder: String) throws {
      let data = try Data(contentsOf: URL(fileURLWithPath: FamilyFixture.path("layers.json")))
      let expected = try #require(JSONDecoder().decode([String: Case].self, from: data)[folder])
      let runner = try FamilyFixture(folder: folder, isGGUF: false).model().runner
      #expect(runner.layerCount == expected.states.count - 1)
      func states(_ layers: Int?, chunk: Int = .max) throws -> [Float] {
        let sequence = runner.cache.makeSequence()
        defer { sequence.close() }
        if let source = expected.source { _ = try runner.runSource(source, of: sequence) }
        let count = min(chunk, expected.tokens.count)
        return try stride(from: 0, to: expected.tokens.count, by: count).flatMap { first in
          let tokens = Array(expected.tokens[first..<min(first + count, expected.tokens.count)])
          let batch = Batch([.init(sequence: sequence, tokens: tokens, outputs: .all)])
          return try runner.hidden(runner.run(batch, wantsLogits: false, layers: layers))
        }
      }
      for (layer, wanted) in expected.states.enumerated() {
        let distance = worstRelative(try states(layer), wanted.values)
        #expect(distance < 1e-4, "behind layer \(layer): \(distance)")
      }
      #expect(try states(nil) == states(runner.layerCount))
      if !runner.isEncoder { #expect(try states(1, chunk: 4) == states(1)) }
      for layer in [-1, runner.layerCount + 1] { #expect(throws: ModelError.self) { try states(layer) } }
    }
  }
}
