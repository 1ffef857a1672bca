import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Log-probabilities of generated tokens")
  struct LogprobTests {
    private static let prompts = (0..<4).map { SyntheticModel.ids(5 + 17 * $0, seed: UInt64($0)) }

    @Test("are those of the same tokens scored as a continuation, the likeliest first, the same bits in any batch")
    func scores() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 4)
      let configure: @Sendable (Int, inout GenerationOptions) -> Void = { index, options in
        options.topLogprobs = index
        if index > 1 { (options.temperature, options.seed) = (1, 7) }
      }
      let together = try await language.runTogether(Self.prompts, configure)
      for (index, prompt) in Self.prompts.enumerated() {
        let run = try await language.run(prompt) { configure(index, &$0) }
        #expect(run.tokens == together[index].tokens && run.logprobs == together[index].logprobs)
        #expect(run.topLogprobs == together[index].topLogprobs)
        let score = try await language.score(tokens: prompt, continuation: run.tokens)
        for (logprob, expected) in zip(run.logprobs, score.logProbabilities) {
          #expect(abs(Double(try #require(logprob)) - expected) < 1e-4)
        }
        for (position, top) in run.topLogprobs.enumerated() {
          #expect(top.count == index)
          #expect(zip(top, top.dropFirst()).allSatisfy { $0.logprob >= $1.logprob })
          if index == 1 { #expect(top.first?.id == run.tokens[position]) }
        }
      }
    }

    @Test("are told only if asked for, and too many are refused")
    func limits() async throws {
      let language = try await SyntheticModel.llama.loadEndless()
      let run = try await language.run(Self.prompts[0])
      #expect(run.logprobs.count == 16 && run.logprobs.allSatisfy { $0 == nil })
      for count in [-1, GenerationOptions.topLogprobsLimit + 1] {
        await #expect(throws: TesseraError.self) {
          try await language.run(Self.prompts[0]) { $0.topLogprobs = count }
        }
      }
    }
  }
}
