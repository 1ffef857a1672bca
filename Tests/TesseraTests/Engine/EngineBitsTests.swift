import Foundation
import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("The same bits however requests are served", .timeLimit(.minutes(60)))
  struct EngineBitsTests {
    /// What an answer is, to the bit.
    struct Answer: Equatable {
      var tokens: [Int]
      var logprobs: [UInt32]
      var others: [[Int]]
      var otherLogprobs: [[UInt32]]

      init(_ run: GenerationRun) {
        tokens = run.tokens
        logprobs = run.logprobs.map { $0?.bitPattern ?? 0 }
        others = run.topLogprobs.map { $0.map(\.id) }
        otherLogprobs = run.topLogprobs.map { $0.map(\.logprob.bitPattern) }
      }
    }

    /// Of mixed lengths; some begin alike.
    private static let prompts: [[Int]] = (0..<32).map { index in
      let own = SyntheticModel.ids(1 + index * 53 % 190, seed: UInt64(index))
      return index % 3 == 0 ? SyntheticModel.ids(150, seed: 99) + own : own
    }

    @Sendable private static func configure(_ index: Int, _ options: inout GenerationOptions) {
      (options.maxTokens, options.topLogprobs) = (4 + index % 9, 3)
      guard index % 2 == 1 else { return }
      (options.temperature, options.topK, options.topP, options.minP, options.seed) = (1.3, 0, 1, 0, UInt64(index))
    }

    private func answers(_ language: LanguageModel) async throws -> [Answer] {
      try await language.runTogether(Self.prompts, Self.configure).map { Answer($0) }
    }

    /// The same in a random order, some of them together, some much later, some dropped before they end.
    private func randomAnswers(_ language: LanguageModel, seed: UInt64) async throws -> [Answer] {
      var random = ScheduleGenerator(seed: seed)
      var order = Array(Self.prompts.indices)
      order.shuffle(using: &random)
      var runs: [Int: GenerationRun] = [:]
      while !order.isEmpty {
        let some = order.prefix(Int.random(in: 1...8, using: &random))
        order.removeFirst(some.count)
        let dropped = Self.prompts[Int.random(in: 0..<32, using: &random)]
        let priorities = some.map { _ in Int.random(in: 0...2, using: &random) }
        try await withThrowingTaskGroup(of: (Int, GenerationRun)?.self) { group in
          group.addTask {
            for try await _ in language.generate(tokens: dropped) { break }
            return nil
          }
          for (index, priority) in zip(some, priorities) {
            group.addTask {
              let run = try await language.run(Self.prompts[index]) {
                Self.configure(index, &$0)
                $0.priority = priority
              }
              return (index, run)
            }
          }
          for try await case let (index, run)? in group { runs[index] = run }
        }
      }
      return Self.prompts.indices.compactMap { runs[$0].map { Answer($0) } }
    }

    @Test(
      "32 requests alone, at once, in small and large chunks, preempted both ways, and warm from each tier",
      arguments: SyntheticModel.all)
    func bits(model: SyntheticModel) async throws {
      try await check { sequences, chunk, configure in
        try await model.loadEndless(sequences: sequences, context: 384, chunk: chunk, configure: configure)
      }
    }

    @Test("the same with SmolLM2", .enabled(if: TestModel.smolLM2 != nil, "TESSERA_TEST_SMOLLM2 is not set"))
    func realBits() async throws {
      let model = try #require(TestModel.smolLM2)
      try await check { sequences, chunk, configure in
        var options = LoadOptions()
        (options.sequenceCount, options.contextLength, options.chunkSize) = (sequences, 384, chunk)
        configure(&options)
        return try await model.load(options)
      }
    }

    private func check(
      _ loadModel: (_ sequences: Int, _ chunk: Int, _ configure: @escaping (inout LoadOptions) -> Void) async throws ->
        LanguageModel
    ) async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      func load(
        _ sequences: Int, chunk: Int, _ configure: @escaping (inout LoadOptions) -> Void = { _ in }
      ) async throws -> LanguageModel {
        let language = try await loadModel(sequences, chunk, configure)
        await language.engine.loadAlways()
        return language
      }
      let cold = try await load(32, chunk: 512) { $0.prefixCache = false }
      var alone: [Answer] = []
      for (index, prompt) in Self.prompts.enumerated() {
        alone.append(Answer(try await cold.run(prompt) { Self.configure(index, &$0) }))
      }
      #expect(Set(alone.map(\.tokens)).count > 28 && alone.allSatisfy { $0.logprobs.count == $0.tokens.count })
      #expect(try await answers(cold) == alone, "all at once")

      let small = try await load(32, chunk: 16)
      #expect(try await answers(small) == alone, "chunks of 16")
      #expect(try await answers(small) == alone, "warm from the device")
      #expect(await small.engineStatistics().deviceHitTokens > 1000)

      for way in [Preemption.swap, .recompute] {
        let tight = try await load(2, chunk: 64)
        let engine = tight.engine
        await engine.force(way)
        // Whoever runs last gives up its blocks, again and again.
        let forcing = Task {
          for _ in 0..<40 where !Task.isCancelled {
            _ = await engine.makeRoom()
            try? await Task.sleep(for: .milliseconds(20))
          }
        }
        #expect(try await answers(tight) == alone, "preempted: \(way)")
        for seed in 0..<3 as Range<UInt64> {
          #expect(try await randomAnswers(tight, seed: seed) == alone, "preempted: \(way), schedule \(seed)")
        }
        forcing.cancel()
        #expect(await engine.preemptions(way) > 0)
        try await tight.waitForAllBlocks()
      }

      let stored = try await load(2, chunk: 64) {
        ($0.hostCacheBytes, $0.diskCache) = (256 << 20, .init(folder: folder.path, byteLimit: 256 << 20))
      }
      #expect(try await answers(stored) == alone, "stored")
      for seed in 4..<7 as Range<UInt64> {
        #expect(try await randomAnswers(stored, seed: seed) == alone, "warm from host memory, schedule \(seed)")
      }
      #expect(await stored.engineStatistics().hostHitTokens > 500)
      await stored.engine.flushTiers()
      let restarted = try await load(2, chunk: 64) {
        $0.diskCache = .init(folder: folder.path, byteLimit: 256 << 20)
      }
      #expect(try await answers(restarted) == alone, "warm from the disk")
      #expect(await restarted.engineStatistics().diskHitTokens > 500)
      try await restarted.waitForAllBlocks()
    }
  }
}
