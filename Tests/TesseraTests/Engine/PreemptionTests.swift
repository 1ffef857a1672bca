import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

@Suite("Preemption's costs")
struct PreemptionCostTests {
  @Test("what takes less time is chosen, by what was measured")
  func choice() {
    var costs = PreemptionCosts()
    // Nothing is known of computing: what is there is kept.
    #expect(costs.choice(tokens: 1000, bytes: 1 << 20) == .swap)
    costs.didCompute(tokens: 0, seconds: 1)
    costs.didCopy(bytes: 0, seconds: 1)
    #expect(costs.secondsPerToken == nil && costs.bytesPerSecond == nil)
    costs.didCompute(tokens: 100, seconds: 1)
    costs.didCopy(bytes: 1000, seconds: 1)
    // 10 s of computing; 1,000 bytes take 2 s there and back.
    #expect(costs.choice(tokens: 1000, bytes: 1000) == .swap && costs.choice(tokens: 1000, bytes: 6000) == .recompute)
    #expect(costs.choice(tokens: 100, bytes: 1000) == .recompute)
    // Later measurements count more and more.
    for _ in 0..<40 { costs.didCopy(bytes: 100_000, seconds: 1) }
    #expect(abs(costs.seconds(copying: 100_000) - 1) < 0.01 && costs.choice(tokens: 100, bytes: 6000) == .swap)
  }
}

extension ModelSuites {
  @Suite("Preemption", .timeLimit(.minutes(60)))
  struct PreemptionTests {
    @Sendable private static func draw(_ index: Int, _ options: inout GenerationOptions) {
      (options.temperature, options.topK, options.topP, options.minP) = (1.5, 0, 1, 0)
      (options.seed, options.maxTokens) = (UInt64(index), 120)
    }

    @Test(
      "who gives up its blocks goes on with the same tokens, swapped or computed anew",
      arguments: [
        (SyntheticModel.llama, Preemption.swap, true), (.llama, .swap, false), (.llama, .recompute, true),
        (.gemma3, .swap, true), (.gemma3, .recompute, false),
      ])
    func sameTokens(model: SyntheticModel, way: Preemption, sharesPrefixes: Bool) async throws {
      let context = model.architecture == .gemma3 ? 512 : 256
      let language = try await model.loadEndless(
        sequences: 2, context: context, chunk: 64, configure: { $0.prefixCache = sharesPrefixes })
      let prompts = (0..<6).map { SyntheticModel.ids(context / 4 + (context > 256 ? 23 : 9) * $0, seed: UInt64($0)) }
      var alone: [[Int]] = []
      for (index, prompt) in prompts.enumerated() {
        alone.append(try await language.run(prompt) { Self.draw(index, &$0) }.tokens)
      }
      await language.engine.force(way)
      // In this order three begin, and do not fit to their ends.
      await language.engine.pause()
      var handles: [RequestHandle] = []
      for (index, prompt) in prompts.enumerated() {
        handles.append(try await language.request(prompt) { Self.draw(index, &$0) })
      }
      await language.engine.resume()
      let readers = handles.map { handle in
        Task {
          var run = GenerationRun()
          while let event = try await handle.next() { run.add(event) }
          return run.tokens
        }
      }
      for (reader, tokens) in zip(readers, alone) { #expect(try await reader.value == tokens) }
      let other = way == .swap ? Preemption.recompute : .swap
      #expect(await language.engine.preemptions(way) > 0)
      #expect(await language.engine.preemptions(other) == 0)
      #expect(await language.engine.swappedBytes() == 0)
      try await language.waitForAllBlocks()
    }

    @Test(
      "whatever gives way, no more is swapped than there is room for, the rest is computed anew, and all get their answers",
      arguments: [(6, Preemption.recompute), (2, .swap)])
    func neverMore(part: Int, way: Preemption) async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 3, context: 256, chunk: 64)
      let engine = language.engine
      #expect(language.memoryPlan.host.swapBytes == language.memoryPlan.kvBytes)
      let limit = language.memoryPlan.host.swapBytes / part
      let prompts = (0..<10).map { SyntheticModel.ids(90 + 5 * $0, seed: UInt64($0)) }
      var alone: [[Int]] = []
      for (index, prompt) in prompts.enumerated() {
        alone.append(try await language.run(prompt) { Self.draw(index, &$0) }.tokens)
      }
      await engine.force(.swap)
      await engine.setSwapLimit(limit)
      await engine.pause()
      var handles: [RequestHandle] = []
      for (index, prompt) in prompts.enumerated() {
        handles.append(
          try await language.request(prompt) {
            Self.draw(index, &$0)
            $0.priority = index % 3
          })
      }
      let readers = handles.map { handle in
        Task {
          var run = GenerationRun()
          while let event = try await handle.next() { run.add(event) }
          return run.tokens
        }
      }
      var most = 0
      while await engine.requestCount() > 0 {
        await engine.stepOnce()
        most = max(most, await engine.swappedBytes())
        await Task.yield()
      }
      for (reader, tokens) in zip(readers, alone) { #expect(try await reader.value == tokens) }
      #expect(most <= limit && (way == .recompute || most > 0))
      #expect(await engine.preemptions(way) > 0)
      #expect(await engine.swappedBytes() == 0)
      try await language.waitForAllBlocks()
    }

    @Test("host memory that is asked for and not there is refused as the model is loaded, with the numbers")
    func refused() async throws {
      for configure: (inout LoadOptions) -> Void in [
        { $0.swapBytes = 1 << 50 }, { $0.hostCacheBytes = 1 << 50 },
      ] {
        await #expect {
          _ = try await SyntheticModel.llama.loadEndless(configure: configure)
        } throws: { error in
          let error = error as? MemoryError
          return error?.code == .overBudget && error?.message.contains("\(1 << 50) bytes") == true
        }
      }
      let small = try await SyntheticModel.llama.loadEndless(configure: {
        ($0.swapBytes, $0.hostCacheBytes) = (0, 1 << 20)
      })
      #expect(small.memoryPlan.host.swapBytes == 0 && small.memoryPlan.host.cacheBytes == 1 << 20)
      let without = try await SyntheticModel.llama.loadEndless(configure: {
        ($0.prefixCache, $0.hostCacheBytes) = (false, 1 << 50)
      })
      #expect(without.memoryPlan.host.cacheBytes == 0)
    }

    @Test("what does not fit the host's memory is computed anew; who ends while it is there frees it")
    func limits() async throws {
      let language = try await SyntheticModel.llama.loadEndless(
        sequences: 1, context: 256, patience: .zero, configure: { $0.swapBytes = 3 << 16 })
      let engine = language.engine
      await engine.force(.swap)
      let size = try await engine.withRunner { $0.cache.layout.groups.reduce(0) { $0 + $1.bytesPerBlock } }
      let prompts = (0..<4).map { SyntheticModel.ids(100, seed: UInt64($0)) }
      let runs = try await language.runTogether(prompts) { $1.maxTokens = 120 }
      for (run, prompt) in zip(runs, prompts) {
        #expect(try await run.tokens == language.run(prompt) { $0.maxTokens = 120 }.tokens)
      }
      #expect(await engine.swappedBytes() == 0 && size > 0)
      // One that nobody reads is swapped for another, and dropped then.
      var slow: RequestHandle? = try await language.request(prompts[0]) { $0.maxTokens = 100 }
      for _ in 0..<3 { _ = try await slow?.next() }
      _ = try await language.run(SyntheticModel.ids(200, seed: 9))
      #expect(await engine.swappedBytes() == 2 * size)
      slow = nil
      while await engine.requestCount() > 0 { await Task.yield() }
      #expect(await engine.swappedBytes() == 0)
      try await language.waitForAllBlocks()
    }
  }
}
