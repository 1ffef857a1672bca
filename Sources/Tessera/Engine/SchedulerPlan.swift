/// A sequence's number in the engine; never used again for another.
struct SequenceID: Hashable, Sendable, CustomStringConvertible {
  let rawValue: UInt64
  var description: String { "sequence \(rawValue)" }
}

/// The room that the KV cache has, by KV group, while a batch is planned.
///
/// Counts are of blocks, one for each group, in the same order everywhere. Sequences that wait have none.
protocol BlockBudget {
  /// All blocks.
  var total: [Int] { get }
  /// Blocks that nobody uses; what the cache knows of earlier sequences is among them.
  var free: [Int] { get }
  /// Blocks that the sequence takes of the free ones to have run so many tokens in all.
  func missing(_ id: SequenceID, tokens: Int) -> [Int]
  /// Blocks that come free when the sequence gives up its own: those it shares do not.
  func released(by id: SequenceID) -> [Int]
  /// Blocks that the sequence needs for so many tokens if it shares none.
  func needed(_ id: SequenceID, tokens: Int) -> [Int]
  /// Tokens of a waiting sequence, its first, that the cache has.
  func cached(_ id: SequenceID) -> Int
  /// What a waiting sequence lets others pass for; nil: nothing.
  func awaited(by id: SequenceID, from running: [Scheduler.Entry]) -> AwaitedTokens?
}

/// Tokens that a waiting sequence begins with and that it need not compute, once they are there.
enum AwaitedTokens: Sendable, Equatable {
  /// A store may have them.
  case stored
  /// One that runs is computing them.
  case computed(by: SequenceID)
}

extension BlockBudget {
  /// Whether a waiting sequence lets others pass, for tokens that will be there.
  func isAwaiting(_ id: SequenceID, from running: [Scheduler.Entry]) -> Bool {
    awaited(by: id, from: running) != nil
  }
}

extension Scheduler {
  /// Bounds of a step.
  struct Limits: Sendable, Equatable {
    /// The most tokens of a step.
    var tokenBudget = 512
    /// The most sequences that run at the same time.
    var maxSequences = 256
    /// The most rows of logits of a step.
    var outputRows = 256
    /// Prompt tokens that a sequence runs before the turn is another's.
    var quantum = 128
    /// Tokens that each sequence should have room for, beyond those it has, when another is admitted.
    var growth = 16
    /// The most tokens that a sequence runs.
    var contextLength = 1 << 30
    /// Steps in which later ones may pass over a sequence.
    var patience = 512

    /// Sequences that run at the same time, so that each that generates has a token and a row in every step.
    var concurrency: Int { max(1, min(tokenBudget, maxSequences, outputRows)) }
  }

  /// One step.
  struct Plan: Sendable, Equatable {
    /// Tokens of a sequence that run in the step.
    struct Item: Sendable, Equatable {
      var id: SequenceID
      /// The index of the first of them in the sequence.
      var first: Int
      var count: Int
      /// Whether they reach the end of what is known, so that the step's last row of them is sampled.
      var isSampled: Bool
    }

    /// A sequence that begins to run, and the tokens that the cache has of it.
    struct Admission: Sendable, Equatable {
      var id: SequenceID
      var cachedTokens: Int
    }

    /// Requests that can never be run.
    struct Rejection: Sendable, Equatable {
      var id: SequenceID
      /// Why, with the numbers.
      var reason: String
    }

    var items: [Item] = []
    /// Sequences that take what the cache has of them before the step.
    var admitted: [Admission] = []
    /// Sequences that must give up their blocks before the step; they start anew later.
    var preempted: [SequenceID] = []
    /// Sequences that the scheduler has removed; they must give up their blocks before the step.
    var rejected: [Rejection] = []

    var tokenCount: Int { items.reduce(0) { $0 + $1.count } }
    var isEmpty: Bool { items.isEmpty }
  }
}
