import Foundation
import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TestSupport
import Testing

@testable import Tessera

extension Engine {
  fileprivate func endTokens() throws -> Set<Int> { try model().endTokens }
}

extension FamilySuites {
  @Suite("Adapters that are chosen by name, or merged")
  struct AdapterUseTests {
    private func language(_ adapters: [String]) async throws -> LanguageModel {
      var options = LoadOptions()
      options.sequenceCount = 4
      options.adapters = try adapters.map { .init(path: try FamilyFixture.path("adapters/\($0)")) }
      return try await LanguageModel.load(
        from: URL(fileURLWithPath: FamilyFixture.path("families/llama3")), options: options)
    }

    private func answer(_ model: LanguageModel, _ tokens: [Int], _ adapter: String?) async throws -> [Int] {
      var options = GenerationOptions()
      (options.maxTokens, options.adapter) = (12, adapter)
      var answer: [Int] = []
      for try await case .token(let token) in model.generate(tokens: tokens, options: options) {
        answer.append(token.id)
      }
      return answer
    }

    @Test("requests with different adapters run together, each as the reference says")
    func together() async throws {
      let names = ["llama3-all", "llama3-some"]
      let model = try await language(names)
      #expect(model.adapters == names)
      var expected: [(tokens: [Int], adapter: String?, answer: [Int])] = []
      for name in names {
        for prompt in try #require(AdapterFixture(name: name, model: "llama3").reference().prompts) {
          expected.append((prompt.tokens, name, prompt.generated))
        }
      }
      let plain = FamilyFixture(folder: "llama3", isGGUF: false)
      for prompt in try #require(plain.reference().prompts) { expected.append((prompt.tokens, nil, prompt.generated)) }
      let answers = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
        for (index, request) in expected.enumerated() {
          group.addTask { (index, try await answer(model, request.tokens, request.adapter)) }
        }
        return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      // End tokens are passed over in the references, and end an answer here.
      let ends = try await model.engine.endTokens()
      for (index, request) in expected.enumerated() {
        #expect(answers[index] == Array(request.answer.prefix { !ends.contains($0) }.prefix(12)), "\(request)")
      }
      // Of one prompt each adapter makes another answer.
      var ofOne: Set<[Int]> = []
      for name in [nil] + names { ofOne.insert(try await answer(model, expected[0].tokens, name)) }
      #expect(ofOne.count == 3)
      await #expect(throws: TesseraError.self) { try await answer(model, [5], "llama3-none") }
    }

    @Test("what the cache has of a prompt is taken up with the same adapter alone")
    func cached() async throws {
      let model = try await language(["llama3-all"])
      func cached(_ adapter: String?) async throws -> Int {
        var options = GenerationOptions()
        (options.maxTokens, options.adapter) = (1, adapter)
        var cached = -1
        let id = try await model.engine.submit((0..<70).map { 3 + $0 % 17 }, options)
        while let event = try await model.engine.next(of: id) {
          if case .finished(let result) = event { cached = result.statistics.cachedPromptTokens }
        }
        return cached
      }
      #expect(try await cached(nil) == 0)
      #expect(try await cached(nil) == 64)
      #expect(try await cached("llama3-all") == 0)
      #expect(try await cached("llama3-all") == 64)
      #expect(try await cached(nil) == 64)
    }

    @Test("scores, hidden states and embeddings are those of the adapter")
    func others() async throws {
      let model = try await language(["llama3-all"])
      let fixture = AdapterFixture(name: "llama3-all", model: "llama3")
      let prompt = try #require(fixture.reference().prompts?[1])
      let score = try await model.score(
        tokens: Array(prompt.tokens.prefix(3)), continuation: Array(prompt.tokens.dropFirst(3)), adapter: "llama3-all")
      let columns = prompt.logProbabilities.shape[1]
      #expect(score.logProbabilities.count == prompt.tokens.count - 3 && prompt.tokens.count > 4)
      for (index, value) in score.logProbabilities.enumerated() {
        let expected = prompt.logProbabilities.values[(index + 2) * columns + prompt.tokens[index + 3]]
        #expect(abs(value - Double(expected)) < 1e-4)
      }
      let runner = try fixture.loaded().runner
      for adapter in [nil, 0] {
        let name = adapter.map { _ in "llama3-all" }
        let sequence = runner.cache.makeSequence(adapter: adapter)
        let batch = Batch([.init(sequence: sequence, tokens: prompt.tokens, outputs: .all)])
        let states = try runner.hidden(runner.run(batch, wantsLogits: false))
        #expect(try await model.hidden(tokens: prompt.tokens, adapter: name) == states)
        let vector = try await model.engine.pooled([TypedTokens(ids: prompt.tokens)], .last, adapter: name)
        #expect(vector == [Array(states.suffix(model.profile.hiddenSize))])
        sequence.close()
      }
      let text = [TypedTokens(ids: prompt.tokens)]
      let plain = try await model.engine.pooled(text, .mean)
      #expect(try await model.engine.pooled(text, .mean, adapter: "llama3-all") != plain)
    }

    @Test(
      "an adapter that is merged into a model's matrices gives what it gives beside them",
      arguments: [
        AdapterFixture(name: "llama3-all", model: "llama3"), AdapterFixture(name: "llama3-some", model: "llama3"),
        AdapterFixture(name: "gpt2-all", model: "gpt2"), AdapterFixture(name: "phi3-all", model: "phi3"),
        AdapterFixture(name: "llama3-all", model: "llama3", modelFile: "model.gguf", isGGUF: true),
      ])
    func merged(fixture: AdapterFixture) throws {
      try withTemporaryFolder { folder in
        let path = folder.appendingPathComponent("merged.gguf").path
        let checkpoint = try openCheckpoint(path: fixture.family.path)
        let adapters = [try fixture.adapter()]
        let converter =
          switch checkpoint {
          case let file as GGUFCheckpoint: try ModelConverter(file, to: nil, merging: adapters)
          case let folder as HuggingFaceCheckpoint: try ModelConverter(folder, to: nil, merging: adapters)
          default: throw CancellationError()
          }
        _ = try converter.write(to: path) { throw CancellationError() }
        let model = try FamilyModel(path: path)
        for prompt in try #require(fixture.reference().prompts) {
          let worst = worstLogProbability(try model.logits(prompt.tokens), prompt.logProbabilities)
          #expect(worst < 1e-4, "\(prompt.tokens.count) tokens: \(worst)")
        }
      }
    }

    @Test("what cannot be merged is refused")
    func unmergeable() throws {
      let folder = try HuggingFaceCheckpoint(path: FamilyFixture.path("families/llama3"))
      let quantized = try GGUFCheckpoint(path: FamilyFixture.path("families/llama3/model-q8_0.gguf"))
      let ofFolder = try Adapter(path: FamilyFixture.path("adapters/llama3-all"))
      let ofFile = try Adapter(path: FamilyFixture.path("adapters/llama3-all/adapter.gguf"))
      func expect(_ word: String, _ body: () throws -> ModelConverter) {
        let error = #expect(throws: ModelError.self) { try body() }
        #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
      }
      expect("Q8_0") { try ModelConverter(quantized, to: nil, merging: [ofFile]) }
      expect("of one kind") { try ModelConverter(quantized, to: nil, merging: [ofFolder]) }
      expect("of one kind") { try ModelConverter(folder, to: nil, merging: [ofFile]) }
      let other = try Adapter(path: FamilyFixture.path("adapters/gpt2-all"))
      expect("c_attn") { try ModelConverter(folder, to: nil, merging: [other]) }
    }
  }
}
