/// Which blocks of a group are free, how many sequences share each of the others, and which were cleared.
///
/// Only bookkeeping; the bytes are in ``KVCache``. Blocks are numbered from 0. The most recently freed one is handed
/// out first, its bytes are likeliest to be in a cache; when none was freed, the lowest.
///
/// A block whose contents have a name keeps them when its last user lets go of it, and counts as free: it is handed out
/// when no other is left, the one first that was let go the longest ago. Until then whoever knows the name gets it back.
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

  /// Names of what blocks hold, and the blocks by them.
  private var names: [Int32: KVBlockKey] = [:]
  private var named: [KVBlockKey: Int32] = [:]
  /// Blocks that nobody uses and that have a name, those first that were let go the longest ago.
  private var idle: BlockList

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
    idle = BlockList(blockCount: blockCount)
  }

  /// Blocks that nobody uses, those with a name included.
  package var freeCount: Int { free.count + idle.count }

  /// Blocks that at least one sequence uses.
  package var usedCount: Int { blockCount - freeCount }

  /// How many users `block` has; 0 for a free one or an id outside the pool.
  package func referenceCount(_ block: Int32) -> Int {
    referenceCounts.indices.contains(Int(block)) ? Int(referenceCounts[Int(block)]) : 0
  }

  /// Whether `block` was cleared; false for an id outside the pool.
  package func isCleared(_ block: Int32) -> Bool { cleared.indices.contains(Int(block)) && cleared[Int(block)] }

  /// Throws ``MemoryError`` with the numbers when fewer than `count` blocks are free.
  package func check(_ count: Int) throws(MemoryError) {
    guard count >= 0 else { throw MemoryError(.invalidRequest, "\(count) KV blocks were asked for") }
    guard count <= freeCount else {
      throw MemoryError(
        .outOfBlocks,
        "the KV cache is full: \(count) more blocks are needed, \(freeCount) of \(blockCount) are free: "
          + "end a sequence, or use a larger --context")
    }
  }

  /// Takes a free block, with one user; nil when none is free. What it held under a name is gone then.
  package mutating func allocate() -> Int32? {
    if free.isEmpty, let oldest = idle.first { unpublish(oldest) }
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

  /// Takes a user from `block`; the last one frees it, and leaves what has a name.
  ///
  /// Throws ``MemoryError`` when nobody uses it.
  package mutating func release(_ block: Int32) throws(MemoryError) {
    guard referenceCount(block) > 0 else {
      throw MemoryError(.invalidSequence, "KV block \(block) is not in use and cannot be released")
    }
    referenceCounts[Int(block)] -= 1
    guard referenceCounts[Int(block)] == 0 else { return }
    if names[block] == nil { free.append(block) } else { idle.append(block) }
  }

  // MARK: Names

  /// Blocks that have a name.
  package var namedCount: Int { names.count }

  /// Whether a block of that name is there.
  package func holds(_ name: KVBlockKey) -> Bool { named[name] != nil }

  /// The block of that name; nil where there is none.
  func block(named name: KVBlockKey) -> Int32? { named[name] }

  /// Whether a block of that name is there, and has a user.
  package func isUsed(_ name: KVBlockKey) -> Bool { named[name].map { referenceCounts[Int($0)] > 0 } ?? false }

  /// Names what `block` holds, as long as nobody writes to it.
  ///
  /// - Returns: false, and nothing changes, where nobody uses the block, or it or another has the name or one of its own.
  package mutating func publish(_ block: Int32, as name: KVBlockKey) -> Bool {
    guard referenceCount(block) > 0, names[block] == nil, named[name] == nil else { return false }
    (names[block], named[name]) = (name, block)
    return true
  }

  /// Takes a block's name, before somebody writes to it; a block without one stays as it is.
  package mutating func unpublish(_ block: Int32) {
    guard let name = names.removeValue(forKey: block) else { return }
    named[name] = nil
    guard referenceCounts[Int(block)] == 0 else { return }
    idle.remove(block)
    free.append(block)
  }

  /// Adds a user to the block of that name; nil where there is none.
  package mutating func attach(_ name: KVBlockKey) -> Int32? {
    guard let block = named[name] else { return nil }
    if referenceCounts[Int(block)] == 0 { idle.remove(block) }
    referenceCounts[Int(block)] += 1
    return block
  }

  // MARK: Sharing

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
