import Testing

@testable import Tessera

@Suite("Scheduler over random schedules")
struct SchedulerPropertyTests {
  /// A random engine, with little room or much.
  private func simulation(_ below: (Int) -> Int) -> SchedulerSimulation {
    let limits = Scheduler.Limits(
      tokenBudget: 1 + below(100), maxSequences: 1 + below(12), outputRows: 1 + below(12), quantum: 1 + below(40),
      growth: 1 + below(4), patience: [1, 20, 512][below(3)])
    let groups = (0...below(3)).map { index in
      SimulatedBlocks.Group(
        blockSize: [1, 4, 16][below(3)], total: 10 + below(60), window: index > 0 && below(2) == 0 ? 16 : nil)
    }
    return SchedulerSimulation(limits: limits, groups: groups)
  }

  @Test("every step keeps its bounds, and every sequence ends with all its tokens or is refused")
  func everythingEnds() throws {
    var random = ScheduleGenerator(seed: 11)
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    var (preemptions, reused) = (0, 0)
    for _ in 0..<3000 {
      var simulation = simulation(below)
      var left = 1 + below(25)
      var ids: [SequenceID] = []
      var canceled: Set<SequenceID> = []
      while left > 0 || !simulation.scheduler.isEmpty {
        if left > 0, below(3) == 0 {
          let other = ids.isEmpty || below(3) > 0 ? nil : ids[below(ids.count)]
          ids.append(
            simulation.add(
              prompt: 1 + below(120), generate: 1 + below(30), cached: below(2) * below(120),
              sharing: other.map { ($0, 1 + below(100)) }, priority: below(4) == 0 ? 1 : 0))
          left -= 1
        }
        if below(60) == 0, !ids.isEmpty, case let id = ids[below(ids.count)], simulation.sequences[id]?.endStep == nil {
          canceled.insert(id)
          simulation.scheduler.remove(id)
          simulation.blocks.held[id] = nil
        }
        let plan = try simulation.runStep()
        // Something runs, is refused or is yet to come: there is no step in which all only wait.
        try #require(!plan.isEmpty || !plan.rejected.isEmpty || simulation.scheduler.isEmpty)
        try #require(simulation.step < 20_000)
      }
      for id in ids where !canceled.contains(id) {
        let sequence = try #require(simulation.sequences[id])
        let needs = simulation.blocks.needed(id, tokens: sequence.promptTokens + sequence.tokensToGenerate - 1)
        let fits = zip(needs, simulation.blocks.total).allSatisfy { $0 <= $1 }
        #expect(sequence.isRejected == !fits)
        if fits { #expect(sequence.generated == sequence.tokensToGenerate) }
        // Without a preemption every token has been run once, but the last and those that were there.
        if fits, sequence.preemptions == 0 {
          #expect(sequence.tokensRun == sequence.promptTokens - sequence.cached + sequence.tokensToGenerate - 1)
          reused += sequence.cached
        }
      }
      #expect(simulation.blocks.held.isEmpty)
      preemptions += simulation.sequences.values.reduce(0) { $0 + $1.preemptions }
    }
    #expect(preemptions > 1000 && reused > 1000)
  }

  @Test("with room for all, nobody is preempted, and nobody waits longer than the work before it takes")
  func boundedWait() throws {
    var random = ScheduleGenerator(seed: 12)
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    for _ in 0..<500 {
      let limits = Scheduler.Limits(
        tokenBudget: 16 + below(100), maxSequences: 1 + below(12), quantum: 1 + below(40))
      var simulation = SchedulerSimulation(limits: limits, groups: SchedulerTests.plenty)
      var ids: [SequenceID] = []
      for _ in 0..<(1 + below(25)) {
        ids.append(simulation.add(prompt: 1 + below(300), generate: 1 + below(30)))
        if below(2) == 0 { _ = try simulation.runStep() }
      }
      let tokens = simulation.sequences.values.reduce(0) { $0 + $1.promptTokens + $1.tokensToGenerate }
      // A step runs all of its budget, or all prompts that run, and a token of each other.
      try simulation.runAll(atMost: tokens)
      for id in ids { #expect(simulation.sequences[id]?.preemptions == 0) }
      // Every sequence gets its first token while those before it, and those it runs beside, do their work.
      for id in ids {
        let sequence = try #require(simulation.sequences[id])
        let before = simulation.sequences.filter { $0.key.rawValue <= id.rawValue }.values
        let beside = limits.concurrency * (limits.quantum + sequence.promptTokens)
        let work = before.reduce(beside) { $0 + $1.promptTokens + $1.tokensToGenerate * limits.concurrency }
        let wait = try #require(sequence.firstTokenStep) - sequence.arrivalStep
        #expect(wait <= work)
      }
    }
  }

  @Test("with room for all, what many wait for is computed before what is less urgent than they are")
  func lending() throws {
    var random = ScheduleGenerator(seed: 14)
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    var lent = 0
    for _ in 0..<500 {
      let limits = Scheduler.Limits(tokenBudget: 4 + below(60), quantum: 1 + below(40), patience: 1 << 30)
      var simulation = SchedulerSimulation(limits: limits, groups: SchedulerTests.plenty)
      var ids: [SequenceID] = []
      for _ in 0..<3 + below(20) {
        let other = ids.isEmpty || below(2) == 0 ? nil : ids[below(ids.count)]
        let prompt = 1 + below(200)
        ids.append(
          simulation.add(
            prompt: prompt, generate: 1 + below(9), sharing: other.map { ($0, 1 + below(prompt)) }, priority: below(3)))
        if below(2) == 0 { _ = try simulation.runStep() }
        let (scheduler, blocks) = (simulation.scheduler, simulation.blocks)
        lent += scheduler.waiting.count { blocks.isAwaiting($0.id, from: scheduler.running) }
      }
      try simulation.runAll(atMost: 20_000)
    }
    #expect(lent > 500)
  }

  @Test("prompts of one length get their shares: at no time is one ahead of an equal by more than a quantum")
  func fairness() throws {
    var random = ScheduleGenerator(seed: 13)
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    for _ in 0..<300 {
      let count = 2 + below(20)
      let limits = Scheduler.Limits(tokenBudget: count + below(100), maxSequences: count, quantum: 1 + below(40))
      var simulation = SchedulerSimulation(limits: limits, groups: SchedulerTests.plenty)
      let ids = (0..<count).map { _ in simulation.add(prompt: 2000, generate: 1) }
      for _ in 0..<50 {
        _ = try simulation.runStep()
        let done = ids.compactMap { simulation.sequences[$0] }.filter { $0.endStep == nil }.map(\.done)
        guard done.count == count, let least = done.min(), let most = done.max() else { break }
        #expect(most - least <= limits.quantum)
      }
    }
  }
}
