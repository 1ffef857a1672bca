/// Decides which tokens of which sequences run in the next step: continuous batching (Yu et al., "Orca", OSDI 2022) with
/// prompts in chunks (Agrawal et al., "Sarathi-Serve", OSDI 2024).
///
/// A value without a device: `next` plans a step, and `didRun`, `append` and `remove` tell what came of it.
///
/// - Every running sequence that generates has its token in every step.
/// - What is left of the step's tokens goes to prompts, the highest priority first; among equals in turns of a quantum,
///   so that a long prompt stops nobody, and prompts within a quantum are served in the order of their arrival.
/// - Waiting sequences are admitted by priority and then arrival, each once the cache has room for all its tokens.
/// - When the cache is full, the running sequence of the lowest priority, of these the latest, gives up its blocks and
///   waits; its tokens are then a prompt. The oldest always goes on, so all of them end.
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

    var pending: Int { length - done }

    /// Whether it goes before another: the higher priority, then the earlier arrival.
    func precedes(_ other: Entry) -> Bool {
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
  ///   - cachedTokens: of these, the first that need not be run; the last token always is.
  ///   - arrival: a number that grows from sequence to sequence.
  mutating func add(
    _ id: SequenceID, promptTokens: Int, cachedTokens: Int = 0, priority: Int = 0, arrival: UInt64
  ) {
    let length = max(1, promptTokens)
    let entry = Entry(
      id: id, priority: priority, arrival: arrival, length: length, done: max(0, min(cachedTokens, length - 1)))
    Self.insert(entry, into: &waiting)
  }

  /// The last waiting sequence whose first tokens are in the cache; they are to be run from then on, and their blocks must be
  /// given up.
  mutating func dropCached() -> SequenceID? {
    guard let index = waiting.lastIndex(where: { $0.done > 0 }) else { return nil }
    waiting[index].done = 0
    return waiting[index].id
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

  /// Moves the first waiting sequence to the running ones.
  mutating func admitFirst() {
    guard !waiting.isEmpty else { return }
    var entry = waiting.removeFirst()
    (entry.turn, entry.turnLeft) = (nextTurn(), limits.quantum)
    Self.insert(entry, into: &running)
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
