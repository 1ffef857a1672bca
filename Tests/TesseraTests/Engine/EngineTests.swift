import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Requests together", .timeLimit(.minutes(60)))
  struct EngineTests {
    /// Every third is greedy, the others are drawn.
    @Sendable private static func options(_ index: Int, _ options: inout GenerationOptions) {
      guard index % 3 > 0 else { return }
      (options.temperature, options.topK, options.topP, options.minP) = (1, 0, 1, 0)
      options.seed = UInt64(index)
      if index % 3 == 2 { (options.repeatPenalty, options.presencePenalty) = (1.3, 0.5) }
    }

    private static let prompts = (0..<12).map { SyntheticModel.ids(3 + 11 * $0, seed: UInt64($0)) }

    /// What each prompt gives alone.
    private func alone(_ language: LanguageModel, _ prompts: [[Int]]) async throws -> [[Int]] {
      var alone: [[Int]] = []
      for (index, prompt) in prompts.enumerated() {
        alone.append(try await language.run(prompt) { Self.options(index, &$0) }.tokens)
      }
      return alone
    }

    @Test("each gives what it gives alone, greedy or drawn", arguments: SyntheticModel.all)
    func together(model: SyntheticModel) async throws {
      let language = try await model.loadEndless(sequences: 12, chunk: 64)
      let alone = try await alone(language, Self.prompts)
      #expect(Set(alone).count == 12)
      let runs = try await language.runTogether(Self.prompts, Self.options)
      #expect(runs.map(\.tokens) == alone)
      try await language.waitForAllBlocks()
    }

    @Test("with blocks for one of them or two, all end with the right tokens", arguments: [1, 2])
    func preemption(sequences: Int) async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: sequences, context: 192, chunk: 64)
      let prompts = (0..<6).map { SyntheticModel.ids(20 + 9 * $0, seed: UInt64($0)) }
      @Sendable func options(_ index: Int, _ options: inout GenerationOptions) {
        Self.options(index, &options)
        options.maxTokens = 100
      }
      var alone: [[Int]] = []
      for (index, prompt) in prompts.enumerated() {
        alone.append(try await language.run(prompt) { options(index, &$0) }.tokens)
      }
      let runs = try await language.runTogether(prompts, options)
      #expect(runs.map(\.tokens) == alone)
      #expect(runs.allSatisfy { $0.tokens.count == 100 && $0.result?.finishReason == .length })
      try await language.waitForAllBlocks()
    }

    @Test("a hundred have a token each in every step")
    func fairness() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 100, context: 64, chunk: 256)
      await language.engine.pause()
      var handles: [RequestHandle] = []
      for index in 0..<100 {
        handles.append(try await language.request(SyntheticModel.ids(2, seed: UInt64(index))) { $0.maxTokens = 20 })
      }
      var tokens = [[Int]](repeating: [], count: 100)
      for step in 1...6 {
        await language.engine.stepOnce()
        for (index, handle) in handles.enumerated() {
          #expect(await language.engine.generatedCount(handle.id) == step)
          if case .token(let token)? = try await handle.next() { tokens[index].append(token.id) }
        }
      }
      // Which gives their blocks back.
      handles = []
      await language.engine.resume()
      for index in [0, 47, 48, 99] {
        let alone = try await language.run(SyntheticModel.ids(2, seed: UInt64(index))) { $0.maxTokens = 6 }
        #expect(tokens[index] == alone.tokens)
      }
    }

    @Test("a long prompt takes no step from others")
    func longPrompt() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 4, context: 1024, chunk: 32)
      await language.engine.pause()
      var handles: [RequestHandle] = []
      for index in 0..<3 { handles.append(try await language.request(SyntheticModel.ids(4, seed: UInt64(index)))) }
      await language.engine.stepOnce()
      for handle in handles { _ = try await handle.next() }
      let long = try await language.request(SyntheticModel.ids(800))
      var steps = 1
      while await language.engine.generatedCount(long.id) == 0 {
        await language.engine.stepOnce()
        steps += 1
        for handle in handles {
          #expect(await language.engine.generatedCount(handle.id) == steps)
          _ = try await handle.next()
        }
      }
      // 29 tokens of the prompt in each step; what was on its way when the prompt came is read first.
      let isLaunched = try await language.engine.withRunner { $0.isLaunched }
      #expect(steps == 1 + (isLaunched ? 1 : 0) + (800 + 28) / 29)
      await language.engine.resume()
    }

    @Test("a request is at most one token ahead of whoever reads it, two where steps are launched")
    func oneAhead() async throws {
      let language = try await SyntheticModel.llama.loadEndless()
      let most = try await language.engine.withRunner { $0.isLaunched ? 2 : 1 }
      let handle = try await language.request(SyntheticModel.ids(5))
      guard case .token? = try await handle.next() else {
        Issue.record("no token")
        return
      }
      await language.engine.pause()
      for _ in 0..<5 { await language.engine.stepOnce() }
      let count = await language.engine.generatedCount(handle.id)
      #expect((2...1 + most).contains(count))
      #expect(await language.engine.stepOnce() == false)
      _ = try await handle.next()
      for _ in 0..<5 { await language.engine.stepOnce() }
      let later = await language.engine.generatedCount(handle.id)
      #expect((3...2 + most).contains(later))
      await language.engine.resume()
    }
  }
}
