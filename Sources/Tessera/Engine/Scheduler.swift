/// Decides which tokens of which sequences run in the next step: continuous batching (Yu et al., "Orca", OSDI 2022) with
/// prompts in chunks (Agrawal et al., "Sarathi-Serve", OSDI 2024).
///
/// A value without a device: `next` plans a step, and `didRun`, `append` and `remove` tell what came of it.
///
/// - Every running sequence that generates has its token in every step.
/// - What is left of the step's tokens goes to prompts, the highest priority first; among equals in turns of a quantum,
///   so that a long prompt stops nobody, and prompts within a quantum are served in the order of their arrival.
/// - Waiting sequences are admitted by priority and then arrival, each once the cache has room for all its tokens. One whose
///   prompt begins with what another is computing waits for that, lets others pass, and lends the other its priority until then.
/// - When the cache is full, the running sequence of the lowest priority, of these the latest, gives up its blocks and
///   waits; its tokens are then a prompt. The oldest always goes on, so all of them end.
/// - Who was passed over by later ones in `patience` steps goes before all who were not: priorities starve nobody.
struct Scheduler: Sendable {
  /// A sequence that waits or runs.
  struct Entry: Sendable {
    let id: SequenceID
    let priority: Int
    let arrival: UInt64
    /// Tokens that are known: the prompt's and the generated ones.
    var length: Int
    /// Tokens that have been run, the first of the sequence.
    var done: Int
    /// When its turn among prompts began to be waited for, and what is left of the turn.
    var turn: UInt64 = 0
    var turnLeft = 0
    /// Steps that later ones had a part in, and it had not.
    var passed = 0
    /// Whether it was passed over too often.
    var isOverdue = false

    var pending: Int { length - done }

    /// Whether it goes before another: who is overdue, then the higher priority, then the earlier arrival.
    func precedes(_ other: Entry) -> Bool {
      if isOverdue != other.isOverdue { return isOverdue }
      if isOverdue, arrival != other.arrival { return arrival < other.arrival }
      if priority != other.priority { return priority > other.priority }
      if arrival != other.arrival { return arrival < other.arrival }
      return id.rawValue < other.id.rawValue
    }
  }

  let limits: Limits
  /// In the order in which they go before each other.
  private(set) var waiting: [Entry] = []
  /// In the order in which they go before each other.
  private(set) var running: [Entry] = []
  private var turns: UInt64 = 0

  /// - Parameter limits: a token budget and a quantum under 1 are taken as 1.
  init(limits: Limits = Limits()) {
    var limits = limits
    limits.tokenBudget = max(1, limits.tokenBudget)
    limits.quantum = max(1, limits.quantum)
    self.limits = limits
  }

  var isEmpty: Bool { waiting.isEmpty && running.isEmpty }

  /// Adds a sequence, which waits.
  ///
  /// - Parameters:
  ///   - promptTokens: at least 1.
  ///   - arrival: a number that grows from sequence to sequence.
  mutating func add(_ id: SequenceID, promptTokens: Int, priority: Int = 0, arrival: UInt64) {
    let entry = Entry(id: id, priority: priority, arrival: arrival, length: max(1, promptTokens), done: 0)
    Self.insert(entry, into: &waiting)
  }

  /// Tells what has run of a step.
  mutating func didRun(_ items: [Plan.Item]) {
    for item in items {
      guard let index = running.firstIndex(where: { $0.id == item.id }) else { continue }
      running[index].done = min(running[index].length, item.first + item.count)
    }
  }

  /// Tells that a sequence has more tokens: those that were generated.
  mutating func append(_ id: SequenceID, tokens: Int = 1) {
    if let index = running.firstIndex(where: { $0.id == id }) {
      running[index].length += max(0, tokens)
    } else if let index = waiting.firstIndex(where: { $0.id == id }) {
      waiting[index].length += max(0, tokens)
    }
  }

  /// Removes a sequence that has ended or was canceled.
  mutating func remove(_ id: SequenceID) {
    running.removeAll { $0.id == id }
    waiting.removeAll { $0.id == id }
  }

  // MARK: - For planning

  /// Moves a waiting sequence to the running ones.
  ///
  /// - Parameter cachedTokens: of its tokens, the first that need not be run; the last token always is.
  mutating func admit(at index: Int, cachedTokens: Int) {
    guard waiting.indices.contains(index) else { return }
    var entry = waiting.remove(at: index)
    entry.done = max(0, min(cachedTokens, entry.length - 1))
    (entry.turn, entry.turnLeft) = (nextTurn(), limits.quantum)
    Self.insert(entry, into: &running)
  }

  /// Counts those that a step passes over for later ones.
  mutating func countPassed(by plan: Plan) {
    let served = Set(plan.items.map(\.id))
    guard let latest = running.lazy.filter({ served.contains($0.id) }).map(\.arrival).max() else { return }
    let waits = Self.countPassed(in: &waiting, served, latest, limits.patience)
    let runs = Self.countPassed(in: &running, served, latest, limits.patience)
    if waits { Self.sort(&waiting) }
    if runs { Self.sort(&running) }
  }

  /// Whether one of the list has become overdue.
  private static func countPassed(
    in list: inout [Entry], _ served: Set<SequenceID>, _ latest: UInt64, _ patience: Int
  ) -> Bool {
    var changes = false
    for index in list.indices where list[index].arrival < latest && list[index].pending > 0 {
      guard !list[index].isOverdue, !served.contains(list[index].id) else { continue }
      list[index].passed += 1
      if list[index].passed >= patience { (list[index].isOverdue, changes) = (true, true) }
    }
    return changes
  }

  private static func sort(_ list: inout [Entry]) { list.sort { $0.precedes($1) } }

  /// Tells that a running sequence has fewer tokens in the cache than was planned.
  mutating func setDone(_ id: SequenceID, _ count: Int) {
    guard let index = running.firstIndex(where: { $0.id == id }) else { return }
    running[index].done = max(0, min(count, running[index].length - 1))
  }

  /// Moves a running sequence back to the waiting ones; nothing of it has been run then.
  mutating func preempt(_ id: SequenceID) {
    guard let index = running.firstIndex(where: { $0.id == id }) else { return }
    var entry = running.remove(at: index)
    entry.done = 0
    Self.insert(entry, into: &waiting)
  }

  /// Takes tokens from a running sequence's turn; an ended turn goes to those who wait for theirs.
  mutating func useTurn(of id: SequenceID, tokens: Int) {
    guard let index = running.firstIndex(where: { $0.id == id }) else { return }
    running[index].turnLeft -= tokens
    if running[index].turnLeft <= 0 {
      (running[index].turn, running[index].turnLeft) = (nextTurn(), limits.quantum)
    }
  }

  private mutating func nextTurn() -> UInt64 {
    turns += 1
    return turns
  }

  private static func insert(_ entry: Entry, into list: inout [Entry]) {
    list.insert(entry, at: list.firstIndex { entry.precedes($0) } ?? list.count)
  }
}
