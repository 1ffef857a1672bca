import Foundation
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Generation", .enabled(if: TestModel.smolLM2 != nil, "TESSERA_TEST_SMOLLM2 is not set"))
  struct GenerationTests {
    private struct Run {
      var tokens: [Int] = []
      var text = ""
      var result: GenerationResult?
    }

    private func model(context: Int? = 512) async throws -> LanguageModel {
      var options = LoadOptions()
      options.contextLength = context
      return try await #require(TestModel.smolLM2).load(options)
    }

    private func run(
      _ model: LanguageModel, _ prompt: String = "Once upon a time",
      _ configure: (inout GenerationOptions) -> Void = { _ in }
    ) async throws -> Run {
      var options = GenerationOptions()
      options.maxTokens = 16
      configure(&options)
      var run = Run()
      for try await event in try model.generate(prompt, options: options) {
        switch event {
        case .token(let token):
          run.tokens.append(token.id)
          run.text += token.text
        case .finished(let result):
          run.text += result.trailingText
          run.result = result
        }
      }
      return run
    }

    @Test("the same seed gives the same text, another seed another")
    func seeds() async throws {
      let model = try await model()
      func sample(_ seed: UInt64) async throws -> [Int] {
        try await run(model) { ($0.temperature, $0.seed, $0.topP, $0.minP) = (1, seed, 1, 0) }.tokens
      }
      let first = try await sample(1)
      #expect(try await sample(1) == first)
      #expect(try await sample(2) != first)
    }

    @Test("greedy text is repeatable, and is what one candidate gives at any temperature")
    func greedy() async throws {
      let model = try await model()
      let first = try await run(model)
      #expect(try await run(model).tokens == first.tokens)
      #expect(try await run(model) { ($0.temperature, $0.topK) = (1.5, 1) }.tokens == first.tokens)
      #expect(first.result?.finishReason == .length && first.tokens.count == 16)
      #expect(try model.tokenizer.decode(first.tokens) == first.text)
    }

    @Test("a repetition penalty changes a text that repeats itself")
    func penalty() async throws {
      let model = try await model()
      let plain = try await run(model, "one one one one one one one one")
      let penalized = try await run(model, "one one one one one one one one") { $0.repeatPenalty = 1.8 }
      #expect(plain.tokens != penalized.tokens)
    }

    @Test("a stop string across token borders ends the text before it")
    func stopStrings() async throws {
      let model = try await model()
      let whole = try await run(model).text
      let middle = whole.index(whole.startIndex, offsetBy: whole.count / 2)
      let stop = String(whole[middle...].prefix(5))
      let stopped = try await run(model) { $0.stopStrings = [stop] }
      #expect(stopped.result?.finishReason == .stop)
      let end = try #require(whole.range(of: stop))
      #expect(stopped.text == whole[..<end.lowerBound])
    }

    @Test("the number of tokens is kept", arguments: [0, 1, 3])
    func maxTokens(count: Int) async throws {
      let run = try await run(model()) { $0.maxTokens = count }
      #expect(run.tokens.count == count && run.result?.finishReason == .length)
    }

    @Test("a canceled task ends with the next token")
    func cancellation() async throws {
      let model = try await model()
      let task = Task { () -> (Int, FinishReason?) in
        var options = GenerationOptions()
        options.maxTokens = 400
        var count = 0
        for try await event in try model.generate("Once upon a time", options: options) {
          switch event {
          case .token:
            count += 1
            if count == 3 { withUnsafeCurrentTask { $0?.cancel() } }
          case .finished(let result): return (count, result.finishReason)
          }
        }
        return (count, nil)
      }
      let (count, reason) = try await task.value
      #expect(count == 3 && reason == .cancelled)
    }

    @Test("the context's end ends an answer; a prompt over it is an error with the numbers")
    func contextFull() async throws {
      let model = try await model(context: 64)
      let run = try await run(model) { $0.maxTokens = nil }
      let prompt = try model.tokenizer.encode("Once upon a time").count
      #expect(run.result?.finishReason == .length && run.tokens.count == 65 - prompt)
      await #expect {
        _ = try await self.run(model, String(repeating: "word ", count: 100))
      } throws: { ($0 as? TesseraError)?.code == .contextFull && "\($0)".contains("64") }
      // What failed has given its blocks back.
      #expect(try await self.run(model).tokens.count == 16)
    }

    @Test("generations at once do not disturb each other")
    func concurrent() async throws {
      var options = LoadOptions()
      options.contextLength = 512
      let model = try await #require(TestModel.smolLM2).load(options)
      let prompts = ["Once upon a time", "The capital of France", "def main():"]
      var alone: [[Int]] = []
      for prompt in prompts { alone.append(try await run(model, prompt).tokens) }
      let together = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
        for (index, prompt) in prompts.enumerated() {
          group.addTask { (index, try await self.run(model, prompt).tokens) }
        }
        var results = [[Int]](repeating: [], count: prompts.count)
        for try await (index, tokens) in group { results[index] = tokens }
        return results
      }
      #expect(together == alone)
    }

    @Test("token ids outside the vocabulary and empty prompts are errors")
    func badPrompts() async throws {
      let model = try await model()
      for tokens in [[], [-1], [1_000_000]] {
        await #expect(throws: (any Error).self) {
          for try await _ in model.generate(tokens: tokens) {}
        }
      }
    }
  }
}
