import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Generation by synthetic models")
  struct SyntheticGenerationTests {
    private func load(_ model: SyntheticModel = .llama, context: Int = 256) async throws -> LanguageModel {
      var options = LoadOptions()
      options.contextLength = context
      return try await model.load(options) {
        // Without an end, so that lengths are known.
        $0.metadata["tokenizer.ggml.token_type"] = nil
        $0.metadata["tokenizer.ggml.eos_token_id"] = nil
        $0.metadata["tokenizer.ggml.tokens"] = .strings(SyntheticModel.tokens.map { $0.count > 1 ? "x\($0)" : $0 })
      }
    }

    /// Samples from all tokens.
    private func sampling(_ seed: UInt64) -> (inout GenerationOptions) -> Void {
      { ($0.temperature, $0.topK, $0.topP, $0.minP, $0.seed) = (1, 0, 1, 0, seed) }
    }

    private let prompt = SyntheticModel.ids(20)

    @Test("greedy tokens are those of the largest logits", arguments: SyntheticModel.all)
    func greedy(model: SyntheticModel) async throws {
      let language = try await load(model)
      let run = try await language.run(prompt)
      #expect(run.tokens.count == 16 && run.result?.finishReason == .length)
      let logits = try await language.allLogits(prompt + run.tokens)
      for (index, token) in run.tokens.enumerated() {
        let first = (prompt.count - 1 + index) * SyntheticModel.vocabularyCount
        let row = logits[first..<first + SyntheticModel.vocabularyCount]
        #expect(row.firstIndex(of: row.max() ?? 0) == first + token)
      }
      #expect(try await language.run(prompt).tokens == run.tokens)
      #expect(try await language.run(prompt) { ($0.temperature, $0.topK) = (2, 1) }.tokens == run.tokens)
    }

    @Test("the same seed gives the same tokens, another seed others")
    func seeds() async throws {
      let language = try await load()
      let first = try await language.run(prompt, sampling(1)).tokens
      #expect(try await language.run(prompt, sampling(1)).tokens == first)
      #expect(try await language.run(prompt, sampling(2)).tokens != first)
      #expect(try await language.run(prompt).tokens != first)
    }

    @Test("top-k draws only the likeliest k tokens")
    func topK() async throws {
      let language = try await load()
      let some = try await language.run(prompt) {
        sampling(3)(&$0)
        $0.topK = 40
      }.tokens
      let logits = try await language.allLogits(prompt + some)
      for (index, token) in some.enumerated() {
        let first = (prompt.count - 1 + index) * SyntheticModel.vocabularyCount
        let row = logits[first..<first + SyntheticModel.vocabularyCount]
        #expect(row.count { $0 > logits[first + token] } < 40)
      }
    }

    @Test("a repetition penalty keeps tokens of the prompt away")
    func penalty() async throws {
      let language = try await load()
      let plain = try await language.run(prompt) { $0.maxTokens = 40 }
      let penalized = try await language.run(prompt) { ($0.maxTokens, $0.repeatPenalty) = (40, 1000) }
      #expect(Set(penalized.tokens).count == 40 && Set(penalized.tokens).isDisjoint(with: prompt))
      #expect(plain.tokens != penalized.tokens)
      let unlooking = try await language.run(prompt) {
        ($0.maxTokens, $0.repeatPenalty, $0.repeatWindow) = (40, 1000, 0)
      }
      #expect(unlooking.tokens == plain.tokens)
    }

    @Test("an end token ends the answer and is not counted")
    func endToken() async throws {
      let end = try await load().run(prompt).tokens[5]
      let language = try await SyntheticModel.llama.load {
        $0.metadata["tokenizer.ggml.token_type"] = nil
        $0.metadata["tokenizer.ggml.eos_token_id"] = .uint32(UInt32(end))
      }
      let run = try await language.run(prompt)
      #expect(run.result?.finishReason == .stop && !run.tokens.contains(end) && run.tokens.count <= 5)
      #expect(run.result?.statistics.generatedTokens == run.tokens.count)
    }

    @Test("the number of tokens is kept", arguments: [0, 1, 2, 30])
    func maxTokens(count: Int) async throws {
      let run = try await load().run(prompt) { $0.maxTokens = count }
      #expect(run.tokens.count == count && run.result?.finishReason == .length)
      #expect(run.result?.statistics.generatedTokens == count && run.result?.statistics.promptTokens == prompt.count)
    }

    @Test("a prompt over the context is an error that names both numbers and the option")
    func promptTooLong() async throws {
      let language = try await load(context: 64)
      await #expect {
        _ = try await language.run(SyntheticModel.ids(65)) { $0.maxTokens = 1 }
      } throws: { error in
        (error as? TesseraError)?.code == .contextFull && "\(error)".contains("65")
          && "\(error)".contains("64") && "\(error)".contains("--context")
      }
      // A prompt as long as the context still gives one token.
      #expect(try await language.run(SyntheticModel.ids(64)) { $0.maxTokens = 1 }.tokens.count == 1)
    }

    @Test("the context's end ends the answer, with all tokens made so far", arguments: [1, 20, 63, 64])
    func contextEnd(count: Int) async throws {
      let language = try await load(context: 64)
      let prompt = SyntheticModel.ids(count)
      let run = try await language.run(prompt) { $0.maxTokens = nil }
      // The last token is not run any more: its logits would be another's.
      #expect(run.tokens.count == 65 - count && run.result?.finishReason == .length)
      #expect(run.result?.statistics.generatedTokens == run.tokens.count)
      let longer = try await load(context: 256).run(prompt) { $0.maxTokens = run.tokens.count }
      #expect(longer.tokens == run.tokens)
    }

    @Test("leaving the loop frees the cache for the next generation")
    func leaving() async throws {
      let language = try await load()
      let prompt = SyntheticModel.ids(230)
      for _ in 0..<3 {
        var count = 0
        for try await _ in language.generate(tokens: prompt) {
          count += 1
          if count == 3 { break }
        }
        #expect(count == 3)
      }
      #expect(try await language.run(prompt).tokens.count == 16)
    }

    @Test("a canceled task ends with the next event, and the model goes on for others")
    func cancellation() async throws {
      let language = try await load()
      let prompt = prompt
      let task = Task {
        var count = 0
        var reason: FinishReason?
        for try await event in language.generate(tokens: prompt) {
          switch event {
          case .token:
            count += 1
            if count == 3 { withUnsafeCurrentTask { $0?.cancel() } }
          case .finished(let result): reason = result.finishReason
          }
        }
        return (count, reason)
      }
      let (count, reason) = try await task.value
      #expect(count == 3 && reason == .cancelled)
      #expect(try await language.run(prompt).tokens.count == 16)
    }

    @Test("generations at once give what each gives alone")
    func concurrent() async throws {
      let language = try await load()
      let prompts = (0..<4).map { SyntheticModel.ids(10 + 7 * $0, seed: UInt64($0)) }
      var alone: [[Int]] = []
      for (index, prompt) in prompts.enumerated() {
        alone.append(try await language.run(prompt, sampling(UInt64(index))).tokens)
      }
      let together = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
        for (index, prompt) in prompts.enumerated() {
          group.addTask { (index, try await language.run(prompt, self.sampling(UInt64(index))).tokens) }
        }
        return try await group.reduce(into: [Int: [Int]]()) { $0[$1.0] = $1.1 }
      }
      #expect((0..<4).map { together[$0] } == alone)
    }

    @Test("bad prompts and options are errors with a code, and change nothing")
    func badInput() async throws {
      let language = try await load()
      await #expect { _ = try await language.run([]) } throws: { ($0 as? TesseraError)?.code == .emptyPrompt }
      for id in [-1, SyntheticModel.vocabularyCount, .max, .min] {
        await #expect { _ = try await language.run([1, id, 2]) } throws: { "\($0)".contains("\(id)") }
      }
      await #expect {
        _ = try await language.run([1]) { $0.topP = 1.5 }
      } throws: { ($0 as? TesseraError)?.code == .badOption }
      #expect(try await language.run(prompt).tokens.count == 16)
    }

    @Test("weights that are not finite end in an error or in tokens, never in a trap", arguments: SyntheticModel.all)
    func notFinite(model: SyntheticModel) async throws {
      for value in [Float.nan, .infinity, -.infinity] {
        let everywhere = try await model.load {
          $0.tensors["output_norm.weight"] = .f32([64], Array(repeating: value, count: 64))
        }
        await #expect { _ = try await everywhere.run([1, 2, 3]) } throws: { ($0 as? TesseraError)?.code == .notFinite }
        for (temperature, topK) in [(Float(0), 40), (1, 40), (1, 0)] {
          let inside = try await model.load {
            let values = (0..<32 * 64).map { $0 == 70 ? value : 0.1 }
            $0.tensors["blk.1.attn_v.weight"] = .f32([64, 32], values)
          }
          do {
            let run = try await inside.run([1, 2, 3]) { ($0.temperature, $0.topK) = (temperature, topK) }
            #expect(run.tokens.allSatisfy { (0..<SyntheticModel.vocabularyCount).contains($0) })
          } catch let error as TesseraError {
            #expect(error.code == .notFinite)
          }
        }
      }
    }
  }
}
