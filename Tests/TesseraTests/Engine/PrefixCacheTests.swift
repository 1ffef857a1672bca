import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Prefix cache", .timeLimit(.minutes(60)))
  struct PrefixCacheTests {
    /// What models are loaded with.
    enum Variant: String, CaseIterable, Sendable {
      case exact, fast, quantizedCache

      func configure(_ options: inout LoadOptions) {
        switch self {
        case .exact: break
        case .fast: options.precision = .fast
        case .quantizedCache: (options.keyEncoding, options.valueEncoding) = (.q8_0, .q8_0)
        }
      }
    }

    private static let prompt = SyntheticModel.ids(420)
    /// Prompts that begin like the first one, and what the cache then has of each.
    private static let prompts: [(tokens: [Int], cached: Int)] = [
      (prompt, 0), (prompt, 384), (Array(prompt.prefix(384)), 320), (prompt.prefix(390) + SyntheticModel.ids(40), 384),
      (prompt.prefix(200) + SyntheticModel.ids(9), 192), (SyntheticModel.ids(70, seed: 3), 0),
    ]

    /// Draws of all tokens, so that a bit that is wrong shows.
    @Sendable private static func draw(_ options: inout GenerationOptions) {
      (options.temperature, options.topK, options.topP, options.minP) = (1.5, 0, 1, 0)
      (options.seed, options.maxTokens) = (5, 24)
    }

    @Test(
      "answers are the same, whatever the cache has of their prompts",
      arguments: [
        (SyntheticModel.llama, Variant.exact), (.gemma3, .exact), (.llama, .fast), (.llama, .quantizedCache),
      ])
    func sameAnswers(model: SyntheticModel, variant: Variant) async throws {
      let cold = try await model.loadEndless(
        context: 512, chunk: 64,
        configure: {
          variant.configure(&$0)
          $0.prefixCache = false
        })
      let warm = try await model.loadEndless(sequences: 2, context: 512, chunk: 64, configure: variant.configure)
      for (index, prompt) in Self.prompts.enumerated() {
        let (a, b) = (try await cold.run(prompt.tokens, Self.draw), try await warm.run(prompt.tokens, Self.draw))
        #expect(a.tokens == b.tokens && a.text == b.text, "prompt \(index)")
        #expect(a.result?.statistics.cachedPromptTokens == 0)
        // A window may have let go of what shorter prompts need.
        if model.architecture == .llama || index < 2 {
          #expect(b.result?.statistics.cachedPromptTokens == prompt.cached, "prompt \(index)")
        }
      }
      // An answer is part of what the cache knows.
      let answer = try await warm.run(Self.prompt, Self.draw).tokens
      let next = Self.prompt + answer + SyntheticModel.ids(30, seed: 8)
      let (a, b) = (try await cold.run(next, Self.draw), try await warm.run(next, Self.draw))
      #expect(a.tokens == b.tokens && b.result?.statistics.cachedPromptTokens ?? 0 >= 384)
      try await warm.waitForAllBlocks()
    }

    @Test("an answer's full blocks are there for the next turn")
    func answers() async throws {
      let language = try await SyntheticModel.llama.loadEndless(context: 512)
      let answer = try await language.run(SyntheticModel.ids(20)) { $0.maxTokens = 200 }
      let turn = SyntheticModel.ids(20) + answer.tokens + SyntheticModel.ids(5, seed: 2)
      #expect(try await language.run(turn).result?.statistics.cachedPromptTokens == 192)
    }

    @Test("prompts with other salts share nothing")
    func salts() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 4)
      func cached(_ salt: String?) async throws -> Int? {
        try await language.run(SyntheticModel.ids(150)) { $0.cacheSalt = salt }.result?.statistics.cachedPromptTokens
      }
      var counts: [Int?] = []
      for salt in [nil, "", "a", nil, "a", "b", ""] { counts.append(try await cached(salt)) }
      #expect(counts == [0, 0, 0, 128, 128, 0, 128])
    }

    @Test("of prompts that come at once and begin alike the beginning is computed once")
    func together() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 6, context: 512, chunk: 64)
      let prompt = SyntheticModel.ids(300)
      let prompts = [prompt, prompt, prompt.prefix(260) + [1], prompt.prefix(130) + [2], prompt]
      var alone: [[Int]] = []
      let cold = try await SyntheticModel.llama.loadEndless(
        context: 512, chunk: 64, configure: { $0.prefixCache = false })
      for prompt in prompts { alone.append(try await cold.run(prompt, Self.draw).tokens) }
      await language.engine.pause()
      var handles: [RequestHandle] = []
      for prompt in prompts { handles.append(try await language.request(prompt, Self.draw)) }
      await language.engine.resume()
      var cached: [Int?] = []
      for (index, handle) in handles.enumerated() {
        var run = GenerationRun()
        while let event = try await handle.next() { run.add(event) }
        #expect(run.tokens == alone[index], "prompt \(index)")
        cached.append(run.result?.statistics.cachedPromptTokens)
      }
      #expect(cached == [0, 256, 256, 128, 256])
      try await language.waitForAllBlocks()
    }

    @Test("what the cache has gives way to those who need the blocks, and is found as far as it is left")
    func eviction() async throws {
      let language = try await SyntheticModel.llama.loadEndless(context: 512, chunk: 64)
      let prompts = (0..<5).map { SyntheticModel.ids(150 + 60 * $0, seed: UInt64($0)) }
      let cold = try await SyntheticModel.llama.loadEndless(
        context: 512, chunk: 64, configure: { $0.prefixCache = false })
      var sum = 0
      for round in 0..<12 {
        // One is asked for again and again, which does not save it from the two largest.
        let prompt = prompts[round % 2 == 0 ? 0 : 1 + round / 2 % 4]
        let run = try await language.run(prompt, Self.draw)
        #expect(try await run.tokens == cold.run(prompt, Self.draw).tokens, "round \(round)")
        sum += run.result?.statistics.cachedPromptTokens ?? 0
      }
      #expect(sum > 0)
      try await language.waitForAllBlocks()
    }

    @Test("a thousand requests that are dropped, canceled or read to the end leave nothing behind")
    func abandoned() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 3, chunk: 64)
      var random = ScheduleGenerator(seed: 4)
      func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
      for _ in 0..<20 {
        var plans: [(prompt: [Int], reads: Int, cancels: Bool, priority: Int)] = []
        for _ in 0..<50 {
          plans.append((SyntheticModel.ids(1 + below(180), seed: UInt64(below(5))), below(8), below(4) == 0, below(3)))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for plan in plans {
            group.addTask {
              var options = GenerationOptions()
              (options.maxTokens, options.priority) = (6, plan.priority)
              let task = Task { [options] in
                var left = plan.reads
                for try await _ in language.generate(tokens: plan.prompt, options: options) {
                  left -= 1
                  if left <= 0 { break }
                }
              }
              if plan.cancels {
                await Task.yield()
                task.cancel()
              }
              try await task.value
            }
          }
          try await group.waitForAll()
        }
      }
      while await language.engine.requestCount() > 0 { await Task.yield() }
      try await language.waitForAllBlocks()
      #expect(try await language.engine.withRunner { $0.cache.sequenceCount } == 0)
      #expect(await language.engine.isIdle())
    }
  }
}
