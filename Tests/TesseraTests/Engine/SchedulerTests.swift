import Testing

@testable import Tessera

@Suite("Scheduler")
struct SchedulerTests {
  static let plenty = [SimulatedBlocks.Group(blockSize: 16, total: 1 << 20)]

  @Test("a sequence runs its prompt in chunks, then a token a step, each token once")
  func alone() throws {
    var simulation = SchedulerSimulation(limits: .init(tokenBudget: 100, quantum: 40), groups: Self.plenty)
    let id = simulation.add(prompt: 250, generate: 3)
    let plans = try (0..<5).map { _ in try simulation.runStep() }
    #expect(plans.map(\.tokenCount) == [100, 100, 50, 1, 1])
    #expect(plans.map { $0.items.first?.isSampled } == [false, false, true, true, true])
    #expect(simulation.scheduler.isEmpty)
    #expect(simulation.sequences[id]?.tokensRun == 252)
  }

  @Test("tokens that the cache has are not run, but the last always is")
  func cached() {
    var scheduler = Scheduler()
    var blocks = SimulatedBlocks(groups: Self.plenty)
    let (a, b) = (SequenceID(rawValue: 1), SequenceID(rawValue: 2))
    blocks.known = [a: 32, b: 90]
    scheduler.add(a, promptTokens: 50, arrival: 1)
    scheduler.add(b, promptTokens: 50, arrival: 2)
    let plan = scheduler.next(blocks)
    #expect(plan.admitted == [.init(id: a, cachedTokens: 32), .init(id: b, cachedTokens: 49)])
    #expect(
      plan.items.sorted { $0.id.rawValue < $1.id.rawValue } == [
        .init(id: a, first: 32, count: 18, isSampled: true), .init(id: b, first: 49, count: 1, isSampled: true),
      ])
  }

  @Test("who begins like one that runs waits for what that computes, lets others pass, and takes it then")
  func shared() throws {
    var simulation = SchedulerSimulation(limits: .init(tokenBudget: 100), groups: Self.plenty)
    let first = simulation.add(prompt: 250, generate: 40)
    let second = simulation.add(prompt: 250, generate: 3, sharing: (first, 192))
    let other = simulation.add(prompt: 20, generate: 3)
    #expect(try simulation.runStep().admitted.map(\.id) == [first, other])
    #expect(try simulation.runStep().admitted.isEmpty)
    simulation.blocks.known[second] = 192
    while simulation.scheduler.waiting.contains(where: { $0.id == second }) { _ = try simulation.runStep() }
    #expect(try #require(simulation.sequences[first]).done >= 192)
    #expect(try #require(simulation.sequences[second]).cached == 192)
    try simulation.runAll(atMost: 60)
    // Where that one ends early, nobody waits for it.
    let third = simulation.add(prompt: 250, generate: 3)
    let fourth = simulation.add(prompt: 250, generate: 3, sharing: (third, 192))
    _ = try simulation.runStep()
    simulation.scheduler.remove(third)
    simulation.blocks.held[third] = nil
    #expect(try simulation.runStep().admitted == [.init(id: fourth, cachedTokens: 0)])
  }

  @Test("who waits for another's beginning lends it the priority, so that no prompt between the two holds both up")
  func lending() throws {
    var simulation = SchedulerSimulation(limits: .init(tokenBudget: 16), groups: Self.plenty)
    let low = simulation.add(prompt: 200, generate: 5)
    _ = try simulation.runStep()
    let middle = simulation.add(prompt: 600, generate: 5, priority: 1)
    _ = try simulation.runStep()
    #expect(simulation.sequences[low]?.done == 16 && simulation.sequences[middle]?.done == 16)
    let high = simulation.add(prompt: 140, generate: 5, sharing: (low, 128), priority: 2)
    simulation.blocks.known[high] = 128
    for _ in 0..<7 { _ = try simulation.runStep() }
    #expect(simulation.sequences[low]?.done == 128 && simulation.sequences[middle]?.done == 16)
    #expect(try simulation.runStep().admitted == [.init(id: high, cachedTokens: 128)])
    // What was lent is given back: the one between goes before again.
    _ = try simulation.runStep()
    #expect(simulation.sequences[high]?.generated ?? 0 > 0 && simulation.sequences[low]?.done == 128)
    try simulation.runAll(atMost: 100)
  }

  @Test("whatever priorities the others have, and however many come, who waits is served in the end")
  func starvation() throws {
    let limits = Scheduler.Limits(tokenBudget: 64, maxSequences: 4, patience: 50)
    let group = SimulatedBlocks.Group(blockSize: 16, total: 24)
    var simulation = SchedulerSimulation(limits: limits, groups: [group])
    let low = simulation.add(prompt: 200, generate: 30)
    for _ in 0..<500 {
      while simulation.scheduler.waiting.count < 8 { simulation.add(prompt: 60, generate: 5, priority: 3) }
      _ = try simulation.runStep()
      if simulation.sequences[low]?.endStep != nil { break }
    }
    let sequence = try #require(simulation.sequences[low])
    let (first, end) = (sequence.firstTokenStep ?? 0, sequence.endStep ?? .max)
    // Behind its patience it goes first, and nobody takes its blocks.
    #expect(first > 50 && end <= 110, "\(first), \(end)")
    #expect(sequence.preemptions == 0)
  }

  @Test("a hundred chats generate side by side, and a long prompt stops none of them")
  func hundredChats() throws {
    var simulation = SchedulerSimulation(limits: .init(), groups: Self.plenty)
    let chats = (0..<100).map { _ in simulation.add(prompt: 20, generate: 300) }
    while chats.contains(where: { simulation.sequences[$0]?.firstTokenStep == nil }) { _ = try simulation.runStep() }
    #expect(simulation.step <= 5)
    let long = simulation.add(prompt: 100_000, generate: 1)
    let before = simulation.sequences
    for _ in 0..<200 { _ = try simulation.runStep() }
    for id in chats {
      #expect(simulation.sequences[id].map { $0.generated - (before[id]?.generated ?? 0) } == 200)
    }
    // All that the chats leave of 512 tokens.
    #expect(simulation.sequences[long]?.done == 200 * 412)
  }

  @Test("prompts come in turns: short ones pass a long one, and however many come, the long one goes on")
  func turns() throws {
    let limits = Scheduler.Limits(tokenBudget: 256, maxSequences: 9, quantum: 64)
    var simulation = SchedulerSimulation(limits: limits, groups: Self.plenty)
    let long = simulation.add(prompt: 20_000, generate: 1)
    _ = try simulation.runStep()
    // More short ones than can be run: 9 of 60 tokens a step.
    for _ in 0..<1500 {
      for _ in 0..<9 where simulation.scheduler.waiting.count < 50 { simulation.add(prompt: 60, generate: 1) }
      _ = try simulation.runStep()
    }
    let sequence = try #require(simulation.sequences[long])
    // One turn of 64 tokens for every 8 turns of others.
    let end = try #require(sequence.endStep)
    #expect(end <= 20_000 / 64 * (8 * 60 + 64) / 256 + 10)
    let short = simulation.sequences.values.filter { $0.promptTokens == 60 }
    // The waiting ones before it, and those that run.
    let worst = short.compactMap { short in short.firstTokenStep.map { $0 - short.arrivalStep } }.max()
    #expect(try #require(worst) <= (50 + 9) * 64 / 128 + 2)
  }

  @Test("equals are served in the order of their arrival, and a higher priority first")
  func order() throws {
    let limits = Scheduler.Limits(tokenBudget: 50, maxSequences: 4, quantum: 128)
    var simulation = SchedulerSimulation(limits: limits, groups: Self.plenty)
    let equals = (0..<30).map { _ in simulation.add(prompt: 70, generate: 2) }
    let urgent = simulation.add(prompt: 70, generate: 2, priority: 5)
    try simulation.runAll(atMost: 200)
    let steps = equals.compactMap { simulation.sequences[$0]?.firstTokenStep }
    #expect(steps.count == 30 && steps == steps.sorted())
    #expect(try #require(simulation.sequences[urgent]?.firstTokenStep) <= steps[0])
  }

  @Test("when blocks run out, the latest makes room and loses nothing")
  func preemption() throws {
    // Each needs 4 blocks in the end, and 6 are there.
    var simulation = SchedulerSimulation(
      limits: .init(tokenBudget: 64), groups: [.init(blockSize: 16, total: 6)])
    let first = simulation.add(prompt: 20, generate: 40)
    let second = simulation.add(prompt: 20, generate: 40)
    try simulation.runAll(atMost: 200)
    let (a, b) = (try #require(simulation.sequences[first]), try #require(simulation.sequences[second]))
    #expect(a.preemptions == 0 && a.tokensRun == 59 && a.generated == 40)
    #expect(b.preemptions > 0 && b.generated == 40)
    #expect(try #require(a.endStep) < #require(b.endStep))
  }

  @Test("what can never fit is refused with the numbers; the others go on")
  func rejection() throws {
    var simulation = SchedulerSimulation(
      limits: .init(tokenBudget: 64),
      groups: [.init(blockSize: 16, total: 100, window: 64), .init(blockSize: 16, total: 6)])
    let large = simulation.add(prompt: 97, generate: 1)
    let full = simulation.add(prompt: 96, generate: 1)
    let endless = simulation.add(prompt: 10, generate: 1000)
    let plan = try simulation.runStep()
    #expect(plan.rejected.map(\.id) == [large])
    let reason = try #require(plan.rejected.first).reason
    #expect(reason.contains("97 tokens need 7 blocks") && reason.contains("group 1") && reason.contains("has 6"))
    try simulation.runAll(atMost: 300)
    #expect(simulation.sequences[full]?.generated == 1)
    // 96 tokens were run, and the 97th has no block.
    #expect(simulation.sequences[endless]?.isRejected == true && simulation.sequences[endless]?.generated == 87)
  }

  @Test("a removed sequence is never planned again")
  func removal() throws {
    var simulation = SchedulerSimulation(limits: .init(maxSequences: 1), groups: Self.plenty)
    let ids = (0..<3).map { _ in simulation.add(prompt: 600, generate: 5) }
    _ = try simulation.runStep()
    simulation.scheduler.remove(ids[0])
    simulation.scheduler.remove(ids[1])
    let plan = try simulation.runStep()
    #expect(plan.items.map(\.id) == [ids[2]])
  }
}
