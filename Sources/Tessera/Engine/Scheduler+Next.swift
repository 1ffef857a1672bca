extension Scheduler {
  /// The next step; without any item when nothing can be run now.
  ///
  /// - Parameter blocks: what the KV cache has room for, before anything of the plan is done.
  mutating func next(_ blocks: some BlockBudget) -> Plan {
    var planning = Planning(blocks)
    planGenerating(&planning)
    rejectOversized(&planning)
    // Room that was made by preempting is not given away in the same step.
    if planning.plan.preempted.isEmpty { admit(&planning) }
    planPrompts(&planning)
    // Prompts that hold all blocks and cannot go on: the last of them makes room.
    while planning.plan.isEmpty, running.contains(where: { $0.pending > 0 }), let last = running.last {
      makeRoom(last, &planning)
      planPrompts(&planning)
    }
    countPassed(by: planning.plan)
    return planning.plan
  }

  /// A token for each running sequence that generates. One that lacks a block takes those of the last running sequence,
  /// which may be itself.
  private mutating func planGenerating<B>(_ planning: inout Planning<B>) {
    for entry in running where entry.pending == 1 {
      while running.contains(where: { $0.id == entry.id }), !planning.take(entry, tokens: 1, limits) {
        guard let last = running.last else { return }
        makeRoom(last, &planning)
      }
    }
  }

  /// Prompt tokens, in turns. Who waits for a prompt's beginning lends it its place among prompts, and in nothing else: in whose
  /// blocks others take, as well, two could take them from each other for ever.
  private mutating func planPrompts<B>(_ planning: inout Planning<B>) {
    var isStuck: Set<SequenceID> = []
    let lent = lentRanks(&planning)
    func rank(_ entry: Entry) -> Rank { max(Rank(entry), lent[entry.id] ?? Rank(entry)) }
    while planning.plan.tokenCount < limits.tokenBudget {
      let candidates = running.filter { planning.pending($0) > 0 && !isStuck.contains($0.id) }
      let next = candidates.min { a, b in
        let ranks = (rank(a), rank(b))
        return ranks.0 == ranks.1 ? a.turn < b.turn : ranks.1 < ranks.0
      }
      guard let next else { return }
      var count = min(planning.pending(next), next.turnLeft, limits.tokenBudget - planning.plan.tokenCount)
      while count > 0, !planning.take(next, tokens: count, limits) { count /= 2 }
      if count == 0 { isStuck.insert(next.id) } else { useTurn(of: next.id, tokens: count) }
    }
  }

  /// What places running prompts have from those who wait for their beginnings.
  private func lentRanks<B>(_ planning: inout Planning<B>) -> [SequenceID: Rank] {
    // One prompt alone goes before nobody.
    guard !waiting.isEmpty, running.count(where: { $0.pending > 1 }) > 1 else { return [:] }
    var ranks: [SequenceID: Rank] = [:]
    for entry in waiting.prefix(Self.mostPassed) {
      guard case .computed(let id)? = planning.awaited(by: entry.id, from: running) else { continue }
      ranks[id] = max(ranks[id] ?? Rank(entry), Rank(entry))
    }
    return ranks
  }

  /// Admits waiting sequences in their order, as long as there is room for all tokens of all running ones and their next
  /// ones.
  private mutating func admit<B>(_ planning: inout Planning<B>) {
    var spare = planning.free
    for entry in running {
      spare = spare.minus(planning.blocks.missing(entry.id, tokens: grown(entry)).minus(planning.taken(entry.id)))
    }
    var index = 0
    while index < min(waiting.count, Self.mostPassed), running.count < limits.concurrency {
      let entry = waiting[index]
      // Where it fits or not, it is not computed twice.
      if planning.awaited(by: entry.id, from: running) != nil {
        index += 1
        continue
      }
      spare = spare.minus(planning.blocks.missing(entry.id, tokens: running.isEmpty ? entry.length : grown(entry)))
      guard spare.allSatisfy({ $0 >= 0 }) else { return }
      let cached = planning.blocks.cached(entry.id)
      admit(at: index, cachedTokens: cached)
      planning.plan.admitted.append(.init(id: entry.id, cachedTokens: min(cached, entry.length - 1)))
    }
  }

  /// Whether the first waiting sequence that could run waits for others to end.
  func lacksRoom(_ blocks: some BlockBudget) -> Bool {
    guard let first = waiting.first(where: { !blocks.isAwaiting($0.id, from: running) }) else { return false }
    guard running.count < limits.concurrency else { return true }
    var spare = blocks.free
    for entry in running { spare = spare.minus(blocks.missing(entry.id, tokens: grown(entry))) }
    spare = spare.minus(blocks.missing(first.id, tokens: running.isEmpty ? first.length : grown(first)))
    return spare.contains { $0 < 0 }
  }

  /// Waiting sequences that are looked at for one to pass the others.
  private static let mostPassed = 64

  /// The tokens that a sequence will soon have.
  private func grown(_ entry: Entry) -> Int {
    max(entry.length, min(entry.length + limits.growth, limits.contextLength))
  }

  /// Rejects waiting sequences that an empty cache has no room for.
  private mutating func rejectOversized<B>(_ planning: inout Planning<B>) {
    for entry in waiting where !planning.fitsEmpty(entry) { reject(entry, &planning) }
  }

  /// Takes a running sequence's blocks.
  private mutating func makeRoom<B>(_ entry: Entry, _ planning: inout Planning<B>) {
    planning.forgetAwaited()
    if planning.fitsEmpty(entry) { preempt(entry, &planning) } else { reject(entry, &planning) }
  }

  private mutating func preempt<B>(_ entry: Entry, _ planning: inout Planning<B>) {
    preempt(entry.id)
    planning.plan.admitted.removeAll { $0.id == entry.id }
    planning.giveUp(entry.id)
    planning.plan.preempted.append(entry.id)
  }

  private mutating func reject<B>(_ entry: Entry, _ planning: inout Planning<B>) {
    let needed = planning.blocks.needed(entry.id, tokens: entry.length)
    let group = zip(needed, planning.blocks.total).enumerated().first { $0.element.0 > $0.element.1 }?.offset ?? 0
    func count(_ counts: [Int]) -> Int { counts.indices.contains(group) ? counts[group] : 0 }
    let reason =
      "\(entry.length) tokens need \(count(needed)) blocks of the KV cache (group \(group)), which has "
      + "\(count(planning.blocks.total)): shorten the prompt, or use a larger --context"
    remove(entry.id)
    planning.giveUp(entry.id)
    planning.plan.preempted.removeAll { $0 == entry.id }
    planning.plan.admitted.removeAll { $0.id == entry.id }
    planning.plan.rejected.append(.init(id: entry.id, reason: reason))
  }
}

/// How urgent a prompt is: those of one rank take turns.
private struct Rank: Comparable {
  let isOverdue: Bool
  let priority: Int

  init(_ entry: Scheduler.Entry) {
    // Among those who are overdue none goes before others for its priority.
    (isOverdue, priority) = (entry.isOverdue, entry.isOverdue ? 0 : entry.priority)
  }

  static func < (a: Rank, b: Rank) -> Bool {
    a.isOverdue == b.isOverdue ? a.priority < b.priority : b.isOverdue
  }
}

/// A plan while it is made, and the blocks that it leaves.
private struct Planning<Blocks: BlockBudget> {
  let blocks: Blocks
  var plan = Scheduler.Plan()
  private(set) var free: [Int]
  /// Where a sequence's item is in the plan.
  private var positions: [SequenceID: Int] = [:]
  /// Blocks that planned sequences take.
  private var takenBlocks: [SequenceID: [Int]] = [:]
  /// Sequences that have given up theirs.
  private var gone: Set<SequenceID> = []
  /// What waiting sequences were found to wait for.
  private var awaited: [SequenceID: AwaitedTokens] = [:]

  init(_ blocks: Blocks) {
    self.blocks = blocks
    free = blocks.free
  }

  /// Tokens of a sequence that are not planned yet.
  func pending(_ entry: Scheduler.Entry) -> Int {
    entry.pending - (positions[entry.id].map { plan.items[$0].count } ?? 0)
  }

  /// What a waiting sequence lets others pass for. One that waits for nothing may wait for who is admitted next.
  mutating func awaited(by id: SequenceID, from running: [Scheduler.Entry]) -> AwaitedTokens? {
    if let known = awaited[id] { return known }
    awaited[id] = blocks.awaited(by: id, from: running)
    return awaited[id]
  }

  /// Says that one of those that were waited for may run no more.
  mutating func forgetAwaited() { awaited = [:] }

  func taken(_ id: SequenceID) -> [Int] { takenBlocks[id] ?? free.map { _ in 0 } }

  func fitsEmpty(_ entry: Scheduler.Entry) -> Bool {
    zip(blocks.needed(entry.id, tokens: entry.length), blocks.total).allSatisfy { $0 <= $1 }
  }

  /// Plans more tokens of a sequence; false, and nothing changes, if blocks are missing.
  mutating func take(_ entry: Scheduler.Entry, tokens: Int, _ limits: Scheduler.Limits) -> Bool {
    let planned = positions[entry.id].map { plan.items[$0].count } ?? 0
    let end = entry.done + planned + tokens
    let missing = blocks.missing(entry.id, tokens: end)
    let left = free.minus(missing.minus(taken(entry.id)))
    guard left.allSatisfy({ $0 >= 0 }) else { return false }
    free = left
    takenBlocks[entry.id] = missing
    let item = Scheduler.Plan.Item(
      id: entry.id, first: entry.done, count: planned + tokens, isSampled: end == entry.length)
    if let position = positions[entry.id] {
      plan.items[position] = item
    } else {
      positions[entry.id] = plan.items.count
      plan.items.append(item)
    }
    return true
  }

  /// Gives back a sequence's blocks. Nothing of it is planned: who goes last is planned last.
  mutating func giveUp(_ id: SequenceID) {
    if gone.insert(id).inserted { free = zip(free, blocks.released(by: id)).map { $0 + $1 } }
  }
}

extension [Int] {
  /// The differences of the elements.
  fileprivate func minus(_ other: [Int]) -> [Int] { zip(self, other).map { $0 - $1 } }
}
