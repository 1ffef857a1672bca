import Foundation
import TesseraMemory
import TesseraModels
import TesseraOperators
import Testing

/// What a plain program computed in float64 (`Tests/Fixtures-scripts/make_odd_models.py`).
private struct OddFixture: Decodable {
  struct Model: Decodable {
    let odd: String
    let sameAs: String?
    let logProbabilities: FixtureMatrix?
  }
  let prompt: [Int]
  let models: [String: Model]
}

extension FamilySuites {
  @Suite("Models that differ from the usual in one thing")
  struct OddModelTests {
    private let fixture: OddFixture

    init() throws {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      fixture = try decoder.decode(
        OddFixture.self, from: Data(contentsOf: URL(fileURLWithPath: FamilyFixture.path("odd/expected.json"))))
    }

    private func model(_ name: String, _ options: ModelRunner.Options = .init()) throws -> FamilyModel {
      try FamilyModel(path: FamilyFixture.path("odd/\(name).gguf"), options)
    }

    static let names = [
      "base", "linear", "factor_only", "pad_minus_one", "gate_up_mixed", "kv_array", "ff_array", "kv_layers",
      "ff_layers",
      "bias", "heads_8", "heads_24", "heads_40", "heads_72", "heads_80", "heads_100", "gemma_no_window",
      "gemma_pattern2",
    ]

    @Test("log-probabilities agree within 1e-4", arguments: names)
    func odd(name: String) throws {
      let entry = try #require(fixture.models[name])
      let expected = try #require(entry.logProbabilities ?? fixture.models[entry.sameAs ?? ""]?.logProbabilities)
      let worst = worstLogProbability(try model(name).logits(fixture.prompt), expected)
      #expect(worst < 1e-4, "\(entry.odd): \(worst)")
    }

    @Test("all of the fixture's models are run")
    func all() { #expect(Set(fixture.models.keys) == Set(Self.names)) }

    @Test("heads whose rows are no whole blocks give the same bits in every chunk and style")
    func sameBits() throws {
      let whole = try model("heads_24").logits(fixture.prompt).map(\.bitPattern)
      #expect(try model("heads_24").logits(fixture.prompt, chunk: 1).map(\.bitPattern) == whole)
      var options = ModelRunner.Options()
      options.style = .simt
      #expect(try model("heads_24", options).logits(fixture.prompt, chunk: 1).map(\.bitPattern) == whole)
    }
  }
}
