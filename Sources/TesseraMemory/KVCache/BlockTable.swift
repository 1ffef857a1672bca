/// Which blocks hold one sequence's tokens: token t lies in block `blocks[t / blockSize]` at row t % blockSize.
///
/// Only bookkeeping, over a ``BlockPool`` that all tables of one cache share. Tables may share full and partial blocks
/// after a ``fork(in:)``. A shared block is never written: ``reserve(_:in:)`` replaces it by a copy first.
public struct BlockTable: Sendable, Equatable {
  /// A block whose contents must be copied before the reserved tokens are written.
  public struct Copy: Sendable, Equatable {
    /// The shared block.
    public let from: Int
    /// The sequence's own block, which takes its place.
    public let to: Int
  }

  /// Tokens of a block.
  public let blockSize: Int
  /// The blocks' ids, in token order; those of reserved tokens included.
  public private(set) var blocks: [Int] = []
  /// Committed tokens.
  public private(set) var tokenCount = 0

  /// An empty table over blocks of `blockSize` tokens.
  ///
  /// Throws ``MemoryError`` when `blockSize` is not positive.
  public init(blockSize: Int) throws(MemoryError) {
    guard blockSize > 0 else { throw MemoryError(.invalidRequest, "a KV block of \(blockSize) tokens") }
    self.blockSize = blockSize
  }

  /// Tokens that the blocks have room for.
  public var capacity: Int { blocks.count * blockSize }

  /// Whether the next token would be written to a block that another sequence reads too.
  public func needsCopy(in pool: BlockPool) -> Bool {
    guard let block = partialBlock else { return false }
    return pool.referenceCount(blocks[block]) > 1
  }

  /// Makes room for `count` tokens after the committed ones.
  ///
  /// - Returns: the copy that must be made before they are written, when the last block was shared
  /// - Throws: ``MemoryError`` when the pool has too few free blocks; table and pool are then unchanged
  public mutating func reserve(_ count: Int, in pool: inout BlockPool) throws(MemoryError) -> Copy? {
    let end = try checkedSum([tokenCount, count], of: "KV tokens")
    let missing = max(0, (end == 0 ? 0 : (end - 1) / blockSize + 1) - blocks.count)
    let copied = count > 0 && needsCopy(in: pool) ? partialBlock : nil
    var fresh = try pool.allocate(missing + (copied == nil ? 0 : 1))
    var copy: Copy?
    if let copied, let own = fresh.first {
      fresh.removeFirst()
      copy = Copy(from: blocks[copied], to: own)
      try pool.release(blocks[copied])
      blocks[copied] = own
    }
    blocks += fresh
    return copy
  }

  /// Counts `count` reserved tokens as written.
  ///
  /// Throws ``MemoryError`` when fewer are reserved.
  public mutating func commit(_ count: Int) throws(MemoryError) {
    guard count >= 0, count <= capacity - tokenCount else {
      throw MemoryError(
        .invalidRequest, "\(count) KV tokens are committed, room for \(capacity - tokenCount) is reserved")
    }
    tokenCount += count
  }

  /// Drops all tokens from `count` on, and every reserved block that the rest does not need.
  ///
  /// Throws ``MemoryError`` when `count` is negative or exceeds the committed tokens.
  public mutating func truncate(to count: Int, in pool: inout BlockPool) throws(MemoryError) {
    guard (0...tokenCount).contains(count) else {
      throw MemoryError(.invalidRequest, "\(tokenCount) KV tokens cannot be cut to \(count)")
    }
    let kept = count == 0 ? 0 : (count - 1) / blockSize + 1
    for block in blocks[kept...] { try pool.release(block) }
    blocks.removeLast(blocks.count - kept)
    tokenCount = count
  }

  /// A second table over the same committed tokens, sharing their blocks.
  ///
  /// Throws ``MemoryError`` when the table's blocks are not in use in `pool`.
  public func fork(in pool: inout BlockPool) throws(MemoryError) -> BlockTable {
    var copy = self
    copy.blocks = Array(blocks.prefix(tokenCount == 0 ? 0 : (tokenCount - 1) / blockSize + 1))
    for block in copy.blocks { try pool.retain(block) }
    return copy
  }

  /// The index in `blocks` of a block that is partly filled by committed tokens.
  private var partialBlock: Int? { tokenCount % blockSize == 0 ? nil : tokenCount / blockSize }
}
