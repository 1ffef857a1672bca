/// The symbols of one piece of text, which are merged pair by pair, the best pair first, until no pair is left.
///
/// Both byte-level BPE and SentencePiece do this; they differ in what makes a pair good. A linked list and a heap keep
/// it at O(n log n), so that a word of a million characters takes no longer than a million words.
struct MergeChain {
  /// A run of bytes that is one token, or a character that is none (`token` < 0).
  struct Symbol {
    var token: Int32
    /// Where it begins, in bytes.
    var start: Int32
    /// Its length in bytes; 0 once it has become part of the symbol to its left.
    var size: Int32
    var previous: Int32
    var next: Int32
  }

  /// The token that two symbols may become, and how soon: smaller priorities come first.
  struct Candidate {
    var priority: UInt32
    var token: Int32
  }

  private(set) var symbols: [Symbol] = []
  private var queue = MergeQueue()

  mutating func removeAll() { symbols.removeAll(keepingCapacity: true) }

  /// Adds a symbol at the end.
  mutating func append(token: Int32, start: Int, size: Int) {
    let index = Int32(truncatingIfNeeded: symbols.count)
    if !symbols.isEmpty { symbols[symbols.count - 1].next = index }
    symbols.append(
      Symbol(
        token: token, start: Int32(truncatingIfNeeded: start), size: Int32(truncatingIfNeeded: size),
        previous: index - 1, next: -1))
  }

  /// Makes the last symbol longer if it is this token; false where it is not.
  mutating func extendLast(ifToken token: Int32, by size: Int) -> Bool {
    guard let last = symbols.last, last.token == token else { return false }
    symbols[symbols.count - 1].size += Int32(truncatingIfNeeded: size)
    return true
  }

  /// Merges all that can be merged. The symbols whose `size` is not 0 are the result, in order.
  @inline(__always)
  mutating func merge(_ candidate: (Symbol, Symbol) -> Candidate?) {
    guard symbols.count > 1 else { return }
    for right in 1..<symbols.count { consider(right - 1, right, candidate) }
    while let entry = queue.pop() {
      let left = entry.left
      let right = Int(entry.right)
      // A dead or grown symbol: the candidate was pushed before another merge changed it.
      guard symbols[left].size != 0, symbols[right].size != 0,
        symbols[left].size + symbols[right].size == entry.size
      else { continue }
      symbols[left].token = entry.token
      symbols[left].size = entry.size
      symbols[right].size = 0
      let next = Int(symbols[right].next)
      symbols[left].next = Int32(truncatingIfNeeded: next)
      if next >= 0 {
        symbols[next].previous = Int32(truncatingIfNeeded: left)
        consider(left, next, candidate)
      }
      let previous = Int(symbols[left].previous)
      if previous >= 0 { consider(previous, left, candidate) }
    }
  }

  @inline(__always)
  private mutating func consider(_ left: Int, _ right: Int, _ candidate: (Symbol, Symbol) -> Candidate?) {
    guard let found = candidate(symbols[left], symbols[right]) else { return }
    queue.push(
      MergeQueue.Entry(
        key: UInt64(found.priority) << 32 | UInt64(UInt32(truncatingIfNeeded: left)),
        right: Int32(truncatingIfNeeded: right), size: symbols[left].size + symbols[right].size, token: found.token))
  }
}
