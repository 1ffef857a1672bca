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
  /// Sequences whose blocks count as free.
  var waiting: Set<SequenceID> = []

  private var none: [Int] { groups.map { _ in 0 } }
  var total: [Int] { groups.map(\.total) }
  var free: [Int] { unused(but: waiting) }
  func needed(_ id: SequenceID, tokens: Int) -> [Int] {
    groups.map { (min(tokens, $0.window ?? tokens) + $0.blockSize - 1) / $0.blockSize }
  }
  func missing(_ id: SequenceID, tokens: Int) -> [Int] { lacking(id, tokens, waiting.contains(id) ? nil : held[id]) }
  func released(by id: SequenceID) -> [Int] { waiting.contains(id) ? none : held[id] ?? none }

  /// Blocks that only sequences among `others` hold, or nobody.
  func unused(but others: Set<SequenceID> = []) -> [Int] {
    groups.indices.map { group in
      groups[group].total - held.reduce(0) { $0 + (others.contains($1.key) ? 0 : $1.value[group]) }
    }
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
    /// Tokens that the cache had at the start, unless others got the blocks.
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
  /// - Parameter cached: tokens of the prompt that the cache has, as far as there are blocks.
  @discardableResult
  mutating func add(prompt: Int, generate: Int, cached: Int = 0, priority: Int = 0) -> SequenceID {
    arrivals += 1
    let id = SequenceID(rawValue: arrivals)
    var cached = min(cached, prompt - 1)
    while cached > 0, zip(blocks.needed(id, tokens: cached), blocks.unused()).contains(where: { $0 > $1 }) {
      cached /= 2
    }
    if cached > 0 { blocks.grow(id, tokens: cached) }
    sequences[id] = Sequence(
      promptTokens: prompt, tokensToGenerate: generate, priority: priority, arrivalStep: step, done: cached,
      cached: cached)
    scheduler.add(id, promptTokens: prompt, cachedTokens: cached, priority: priority, arrival: arrivals)
    return id
  }

  /// Plans a step, checks what must hold of every step, and runs it.
  mutating func runStep(sourceLocation: SourceLocation = #_sourceLocation) throws -> Scheduler.Plan {
    let generating = scheduler.running.filter { $0.pending == 1 }.map(\.id)
    blocks.waiting = Set(scheduler.waiting.map(\.id))
    let plan = scheduler.next(blocks)
    let limits = scheduler.limits
    func require(_ condition: Bool, _ what: String) throws {
      try #require(condition, "step \(step): \(what): \(plan)", sourceLocation: sourceLocation)
    }
    try require(plan.tokenCount <= limits.tokenBudget, "the budget is exceeded")
    try require(plan.items.count <= limits.concurrency, "too many sequences")
    try require(Set(plan.items.map(\.id)).count == plan.items.count, "a sequence comes twice")
    let gone = plan.preempted + plan.rejected.map(\.id)
    for id in gone {
      blocks.held[id] = nil
      sequences[id]?.done = 0
      sequences[id]?.isRunning = false
    }
    for id in plan.preempted { sequences[id]?.preemptions += 1 }
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
    while blocks.unused().contains(where: { $0 < 0 }) {
      let id = scheduler.dropCached()
      try require(id != nil, "there are not so many blocks")
      blocks.held[try #require(id)] = nil
      sequences[try #require(id)]?.done = 0
      sequences[try #require(id)]?.cached = 0
    }
    scheduler.didRun(plan.items)
    for item in plan.items where item.isSampled { sampled(item.id) }
    step += 1
    return plan
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
