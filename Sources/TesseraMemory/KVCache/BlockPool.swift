/// Which blocks of a group are free, how many sequences share each of the others, and which were cleared.
///
/// Only bookkeeping; the bytes are in ``KVCache``. Blocks are numbered from 0. The most recently freed one is handed
/// out first, its bytes are likeliest to be in a cache; when none was freed, the lowest.
///
/// A block holds what the driver left there until it is cleared, or copied over, for the first time.
package struct BlockPool: Sendable {
  /// Blocks in the pool.
  package let blockCount: Int

  private var free: [Int32]
  private var referenceCounts: [Int32]
  private var cleared: [Bool]

  /// Users who have a copy of a block reserved, and let go of it with their next commit.
  private struct Leaving: Sendable {
    var count = 0
    /// Most rows that one of them has: it needs them again if its step fails.
    var rows = 0
  }
  private var leaving: [Int32: Leaving] = [:]

  /// A pool of `blockCount` free blocks, none of them cleared.
  ///
  /// Throws ``MemoryError`` when the count is not positive or exceeds 32-bit ids.
  package init(blockCount: Int) throws(MemoryError) {
    guard (1...Int(Int32.max)).contains(blockCount) else {
      throw MemoryError(.invalidRequest, "a KV pool of \(blockCount) blocks: 1 to \(Int32.max) are possible")
    }
    self.blockCount = blockCount
    free = (0..<blockCount).reversed().map { Int32($0) }
    referenceCounts = Array(repeating: 0, count: blockCount)
    cleared = Array(repeating: false, count: blockCount)
  }

  /// Blocks that nobody uses.
  package var freeCount: Int { free.count }

  /// Blocks that at least one sequence uses.
  package var usedCount: Int { blockCount - free.count }

  /// How many users `block` has; 0 for a free one or an id outside the pool.
  package func referenceCount(_ block: Int32) -> Int {
    referenceCounts.indices.contains(Int(block)) ? Int(referenceCounts[Int(block)]) : 0
  }

  /// Whether `block` was cleared; false for an id outside the pool.
  package func isCleared(_ block: Int32) -> Bool { cleared.indices.contains(Int(block)) && cleared[Int(block)] }

  /// Throws ``MemoryError`` with the numbers when fewer than `count` blocks are free.
  package func check(_ count: Int) throws(MemoryError) {
    guard count >= 0 else { throw MemoryError(.invalidRequest, "\(count) KV blocks were asked for") }
    guard count <= free.count else {
      throw MemoryError(
        .outOfBlocks,
        "the KV cache is full: \(count) more blocks are needed, \(free.count) of \(blockCount) are free: "
          + "end a sequence, or use a larger --context")
    }
  }

  /// Takes a free block, with one user; nil when none is free.
  package mutating func allocate() -> Int32? {
    guard let block = free.popLast() else { return nil }
    referenceCounts[Int(block)] = 1
    return block
  }

  /// Adds a user to `block`.
  ///
  /// Throws ``MemoryError`` when nobody uses it yet.
  package mutating func retain(_ block: Int32) throws(MemoryError) {
    guard referenceCount(block) > 0 else {
      throw MemoryError(.invalidSequence, "KV block \(block) is not in use and cannot be shared")
    }
    referenceCounts[Int(block)] += 1
  }

  /// Takes a user from `block`; the last one frees it.
  ///
  /// Throws ``MemoryError`` when nobody uses it.
  package mutating func release(_ block: Int32) throws(MemoryError) {
    guard referenceCount(block) > 0 else {
      throw MemoryError(.invalidSequence, "KV block \(block) is not in use and cannot be released")
    }
    referenceCounts[Int(block)] -= 1
    if referenceCounts[Int(block)] == 0 { free.append(block) }
  }

  /// Whether a user with so many rows may not write behind them: others need the block as it is. Of those who share one
  /// the last to reserve keeps it.
  package func isShared(_ block: Int32, rows: Int) -> Bool {
    let leaving = leaving[block] ?? Leaving()
    return referenceCount(block) - leaving.count > 1 || leaving.rows > rows
  }

  /// Counts a user with so many rows as one who will release `block`.
  package mutating func leave(_ block: Int32, rows: Int) {
    let others = leaving[block] ?? Leaving()
    leaving[block] = Leaving(count: others.count + 1, rows: max(others.rows, rows))
  }

  /// Takes ``leave(_:rows:)`` back: the user stays, or releases the block now.
  package mutating func endLeaving(_ block: Int32) {
    guard let count = leaving[block]?.count else { return }
    if count > 1 { leaving[block]?.count = count - 1 } else { leaving[block] = nil }
  }

  /// Counts `block` as cleared from now on, whoever uses it.
  package mutating func markCleared(_ block: Int32) {
    if cleared.indices.contains(Int(block)) { cleared[Int(block)] = true }
  }
}
