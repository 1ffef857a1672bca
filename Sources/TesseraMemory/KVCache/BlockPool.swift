/// Which blocks of the KV cache are free, and how many sequences share each of the others.
///
/// Only bookkeeping; the bytes are in ``KVCache``. Blocks are numbered from 0. The most recently freed one is handed
/// out first, its bytes are likeliest to be in a cache; when none was freed, the lowest.
public struct BlockPool: Sendable {
  /// Blocks in the pool.
  public let blockCount: Int

  private var free: [Int]
  private var referenceCounts: [Int]

  /// A pool of `blockCount` free blocks.
  ///
  /// Throws ``MemoryError`` when the count is not positive or exceeds 32-bit ids.
  public init(blockCount: Int) throws(MemoryError) {
    guard (1...Int(Int32.max)).contains(blockCount) else {
      throw MemoryError(.invalidRequest, "a KV pool of \(blockCount) blocks: 1 to \(Int32.max) are possible")
    }
    self.blockCount = blockCount
    free = Array((0..<blockCount).reversed())
    referenceCounts = Array(repeating: 0, count: blockCount)
  }

  /// Blocks that nobody uses.
  public var freeCount: Int { free.count }

  /// Blocks that at least one sequence uses.
  public var usedCount: Int { blockCount - free.count }

  /// How many users `block` has; 0 for a free one or an id outside the pool.
  public func referenceCount(_ block: Int) -> Int {
    referenceCounts.indices.contains(block) ? referenceCounts[block] : 0
  }

  /// Takes `count` free blocks, each with one user.
  ///
  /// Throws ``MemoryError`` with the numbers, and takes none, when fewer are free.
  public mutating func allocate(_ count: Int) throws(MemoryError) -> [Int] {
    guard count >= 0 else { throw MemoryError(.invalidRequest, "\(count) KV blocks were asked for") }
    guard count <= free.count else {
      throw MemoryError(
        .outOfBlocks,
        "the KV cache is full: \(count) more blocks are needed, \(free.count) of \(blockCount) are free: "
          + "end a sequence, or use a larger --context")
    }
    let blocks = Array(free.suffix(count).reversed())
    free.removeLast(count)
    for block in blocks { referenceCounts[block] = 1 }
    return blocks
  }

  /// Adds a user to `block`.
  ///
  /// Throws ``MemoryError`` when nobody uses it yet.
  public mutating func retain(_ block: Int) throws(MemoryError) {
    guard referenceCount(block) > 0 else {
      throw MemoryError(.invalidSequence, "KV block \(block) is not in use and cannot be shared")
    }
    referenceCounts[block] += 1
  }

  /// Takes a user from `block`; the last one frees it.
  ///
  /// Throws ``MemoryError`` when nobody uses it.
  public mutating func release(_ block: Int) throws(MemoryError) {
    guard referenceCount(block) > 0 else {
      throw MemoryError(.invalidSequence, "KV block \(block) is not in use and cannot be released")
    }
    referenceCounts[block] -= 1
    if referenceCounts[block] == 0 { free.append(block) }
  }
}
