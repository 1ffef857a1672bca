import Testing

@testable import Tessera

/// Blocks of KV groups that sequences take as they run; what the engine's cache does, by counting.
struct SimulatedBlocks: BlockBudget {
  /// A group whose blocks grow with the tokens, or stay within a window.
  struct Group {
    var blockSize: Int
    var total: Int
    var window: Int?
  }

  var groups: [Group]
  var held: [SequenceID: [Int]] = [:]
  /// What the cache has of sequences that wait, by what it holds of others: it takes no room of its own.
  var known: [SequenceID: Int] = [:]
  /// Of sequences that begin like an earlier one, which that is, and how many tokens they share.
  var shared: [SequenceID: (with: SequenceID, tokens: Int)] = [:]

  /// How often it was found what a sequence waits for: copies count together.
  final class Lookups { var counts: [SequenceID: Int] = [:] }
  let lookups = Lookups()

  /// Whether nobody ever lacks blocks.
  var isPlenty: Bool { groups.allSatisfy { $0.total >= 10_000 } }
  private var none: [Int] { groups.map { _ in 0 } }
  var total: [Int] { groups.map(\.total) }
  var free: [Int] { unused() }
  func cached(_ id: SequenceID) -> Int { known[id] ?? 0 }
  func awaited(by id: SequenceID, from running: [Scheduler.Entry]) -> AwaitedTokens? {
    guard let shared = shared[id], running.contains(where: { $0.id == shared.with && $0.done < shared.tokens })
    else { return nil }
    lookups.counts[id, default: 0] += 1
    return .computed(by: shared.with)
  }
  func needed(_ id: SequenceID, tokens: Int) -> [Int] {
    groups.map { (min(tokens, $0.window ?? tokens) + $0.blockSize - 1) / $0.blockSize }
  }
  func missing(_ id: SequenceID, tokens: Int) -> [Int] { lacking(id, tokens, held[id]) }
  func released(by id: SequenceID) -> [Int] { held[id] ?? none }

  /// Blocks that nobody holds.
  func unused() -> [Int] {
    groups.indices.map { group in groups[group].total - held.reduce(0) { $0 + $1.value[group] } }
  }

  private func lacking(_ id: SequenceID, _ tokens: Int, _ held: [Int]?) -> [Int] {
    zip(needed(id, tokens: tokens), held ?? none).map { max(0, $0 - $1) }
  }

  mutating func grow(_ id: SequenceID, tokens: Int) {
    held[id] = zip(lacking(id, tokens, held[id]), held[id] ?? none).map { $0 + $1 }
  }
}

/// SplitMix64 (Steele, Lea & Flood 2014): the same schedules on every machine.
struct ScheduleGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// An engine around a scheduler that checks every step.
struct SchedulerSimulation {
  /// What is known of a sequence besides what the scheduler knows.
  struct Sequence {
    var promptTokens: Int
    var tokensToGenerate: Int
    var priority: Int
    var arrivalStep: Int
    var generated = 0
    /// Tokens that were run since it last began.
    var done = 0
    var isRunning = false
    var firstTokenStep: Int?
    var endStep: Int?
    var preemptions = 0
    var isRejected = false
    /// Tokens that the cache had when it began.
    var cached = 0
    var tokensRun = 0

    var length: Int { promptTokens + generated }
  }

  var scheduler: Scheduler
  var blocks: SimulatedBlocks
  var sequences: [SequenceID: Sequence] = [:]
  var step = 0
  private var arrivals: UInt64 = 0

  init(limits: Scheduler.Limits, groups: [SimulatedBlocks.Group]) {
    scheduler = Scheduler(limits: limits)
    blocks = SimulatedBlocks(groups: groups)
  }

  /// Adds a sequence; the ids grow.
  ///
  /// - Parameters:
  ///   - cached: tokens of the prompt that the cache has whenever it begins.
  ///   - sharing: an earlier sequence, and tokens that the prompt shares with it: the cache has them once it has run them.
  @discardableResult
  mutating func add(
    prompt: Int, generate: Int, cached: Int = 0, sharing: (with: SequenceID, tokens: Int)? = nil, priority: Int = 0
  ) -> SequenceID {
    arrivals += 1
    let id = SequenceID(rawValue: arrivals)
    if cached > 0 { blocks.known[id] = min(cached, prompt - 1) }
    blocks.shared[id] = sharing
    sequences[id] = Sequence(
      promptTokens: prompt, tokensToGenerate: generate, priority: priority, arrivalStep: step)
    scheduler.add(id, promptTokens: prompt, priority: priority, arrival: arrivals)
    return id
  }

  /// Plans a step, checks what must hold of every step, and runs it.
  mutating func runStep(sourceLocation: SourceLocation = #_sourceLocation) throws -> Scheduler.Plan {
    let generating = scheduler.running.filter { $0.pending == 1 }.map(\.id)
    let awaited = Set(scheduler.waiting.map(\.id)).filter { blocks.isAwaiting($0, from: scheduler.running) }
    let overdue = Set(scheduler.waiting.lazy.filter(\.isOverdue).map(\.id))
    blocks.lookups.counts = [:]
    let plan = scheduler.next(blocks)
    let mostLookups = blocks.lookups.counts.values.max() ?? 0
    let limits = scheduler.limits
    func require(_ condition: Bool, _ what: String) throws {
      try #require(condition, "step \(step): \(what): \(plan)", sourceLocation: sourceLocation)
    }
    try require(plan.tokenCount <= limits.tokenBudget, "the budget is exceeded")
    try require(mostLookups <= 1 || !(plan.preempted + plan.rejected.map(\.id)).isEmpty, "looked for twice")
    try require(plan.items.count <= limits.concurrency, "too many sequences")
    try require(Set(plan.items.map(\.id)).count == plan.items.count, "a sequence comes twice")
    let gone = plan.preempted + plan.rejected.map(\.id)
    for id in gone {
      blocks.held[id] = nil
      sequences[id]?.done = 0
      sequences[id]?.isRunning = false
    }
    for id in plan.preempted { sequences[id]?.preemptions += 1 }
    let isPassedOver = scheduler.waiting.contains { entry in
      // What it waits for may have been admitted just now.
      overdue.contains(entry.id) && !awaited.contains(entry.id)
        && !blocks.isAwaiting(entry.id, from: scheduler.running)
    }
    if isPassedOver {
      try require(plan.admitted.allSatisfy { overdue.contains($0.id) }, "one that waited too long was passed over")
    }
    for admission in plan.admitted {
      try require(!gone.contains(admission.id), "\(admission.id) begins and has given up its blocks")
      let isThere = scheduler.running.contains { $0.id == blocks.shared[admission.id]?.with }
      try require(!isThere || !awaited.contains(admission.id), "\(admission.id) computes what another is computing")
      try require(sequences[admission.id]?.done == 0, "\(admission.id) begins twice")
      blocks.grow(admission.id, tokens: admission.cachedTokens)
      sequences[admission.id]?.done = admission.cachedTokens
      sequences[admission.id]?.cached = admission.cachedTokens
    }
    try requireLending(plan, require)
    for rejection in plan.rejected { sequences[rejection.id]?.isRejected = true }
    for id in generating where !gone.contains(id) {
      try require(plan.items.contains { $0.id == id }, "\(id) generates and has no token")
    }
    for item in plan.items {
      var sequence = try #require(sequences[item.id])
      try require(!gone.contains(item.id), "\(item.id) runs and has given up its blocks")
      try require(item.first == sequence.done && item.count > 0, "\(item.id) skips or repeats tokens")
      try require(item.first + item.count <= sequence.length, "\(item.id) runs tokens that are not there")
      try require(item.isSampled == (item.first + item.count == sequence.length), "\(item.id)'s row")
      blocks.grow(item.id, tokens: item.first + item.count)
      sequence.done += item.count
      sequence.tokensRun += item.count
      sequence.isRunning = true
      sequences[item.id] = sequence
    }
    try require(blocks.unused().allSatisfy { $0 >= 0 }, "there are not so many blocks")
    scheduler.didRun(plan.items)
    for item in plan.items where item.isSampled { sampled(item.id) }
    step += 1
    return plan
  }

  /// Whoever computes what another waits for has all its tokens in the step before a prompt of less than the other's priority has one.
  private func requireLending(
    _ plan: Scheduler.Plan, _ require: (Bool, String) throws -> Void
  ) throws {
    let entries = scheduler.running
    guard blocks.isPlenty, plan.preempted.isEmpty, !(entries + scheduler.waiting).contains(where: \.isOverdue)
    else { return }
    for waiting in scheduler.waiting.prefix(64) {
      guard case .computed(let id)? = blocks.awaited(by: waiting.id, from: entries),
        let computer = entries.first(where: { $0.id == id }), computer.priority < waiting.priority
      else { continue }
      let end = plan.items.first { $0.id == id }.map { $0.first + $0.count } ?? computer.done
      let isBehind = plan.items.contains { item in
        // Others whose beginnings are waited for may have a priority that is lent, too.
        entries.contains { $0.id == item.id && $0.pending > 1 && $0.priority < waiting.priority && $0.id != id }
          && !scheduler.waiting.contains { blocks.awaited(by: $0.id, from: entries) == .computed(by: item.id) }
      }
      try require(!isBehind || end == computer.length, "\(id) is waited for, and lesser ones go before it")
    }
  }

  /// Runs until nothing is left.
  mutating func runAll(atMost steps: Int) throws {
    let end = step + steps
    while !scheduler.isEmpty {
      try #require(step < end, "no end within \(steps) steps")
      _ = try runStep()
    }
  }

  private mutating func sampled(_ id: SequenceID) {
    guard var sequence = sequences[id] else { return }
    sequence.generated += 1
    sequence.firstTokenStep = sequence.firstTokenStep ?? step
    if sequence.generated >= sequence.tokensToGenerate {
      sequence.endStep = step
      scheduler.remove(id)
      blocks.held[id] = nil
    } else {
      scheduler.append(id)
    }
    sequences[id] = sequence
  }
}
