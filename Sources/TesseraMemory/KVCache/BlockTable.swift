/// One sequence's blocks in one group: row r lies in block `blocks[r / blockSize - firstBlock]` at r % blockSize.
///
/// Only bookkeeping, over the group's ``BlockPool``, which all tables of a group share. Tables may share full and partial
/// blocks after a ``fork(in:)``. A shared block is never written: ``reserve(_:in:)`` replaces it by a copy first; when all
/// others have reserved one, the last writes behind its rows.
///
/// What a reservation needs done on the device counts as done with ``commit(_:in:)``; ``truncate(to:in:)`` without a commit
/// leaves blocks as uncleared as they were, and gives shared ones back their place.
struct BlockTable: Sendable, Equatable {
  /// Rows of a block.
  let blockSize: Int
  /// Committed rows.
  private(set) var rowCount = 0
  /// Rows that are committed together with the next commit, of a group that is filled once.
  var fillingRows = 0

  private let group: KVGroup
  private var blocks: [Int32] = []
  private var firstBlock = 0
  /// The first block behind those that were given back; before any was, the number of blocks that sinks keep.
  private var gapEnd: Int
  /// Blocks that sinks keep.
  private let sinkBlocks: Int

  /// A shared block that the next commit releases, in whose place the sequence's own lies.
  private struct Replaced: Sendable, Equatable {
    var index: Int
    var shared: Int32
  }
  private var pendingClear: [Int32] = []
  private var replaced: Replaced?

  /// An empty table.
  init(_ group: KVGroup) {
    self.group = group
    blockSize = group.blockSize
    sinkBlocks = group.sinkBlocks
    gapEnd = sinkBlocks
  }

  /// The table as kernels read it.
  var table: KVTable { KVTable(firstBlock: firstBlock, blocks: blocks, blockSize: blockSize) }

  /// Rows, from the first on, that the blocks have room for.
  var capacity: Int { (firstBlock + blocks.count) * blockSize }

  // MARK: A step

  /// Blocks that ``reserve(_:in:)`` will take.
  func demand(_ count: Int, in pool: BlockPool) throws(MemoryError) -> Int {
    let end = try checkedSum([rowCount, count], of: "KV tokens")
    guard end <= KVGroup.mostRows else {
      throw MemoryError(.invalidRequest, "\(end) KV tokens: a sequence has at most \(KVGroup.mostRows)")
    }
    return missing(count) + (sharedIndex(count, in: pool) == nil ? 0 : 1)
  }

  /// Blocks that the table has.
  var heldBlockCount: Int { blocks.count { $0 != KVTable.noBlock } }

  /// Blocks that nobody else holds.
  func ownBlockCount(in pool: BlockPool) -> Int {
    blocks.count { $0 != KVTable.noBlock && pool.referenceCount($0) == 1 }
  }

  /// Makes room for `count` rows behind the committed ones; the caller has asked for the demand, and so many are free.
  mutating func reserve(_ count: Int, in pool: inout BlockPool) throws(MemoryError) -> KVGroupWork {
    var work = KVGroupWork()
    if let index = openIndex(count), !pool.isShared(blocks[index], rows: rowCount) {
      // It was full once, and was cut.
      pool.unpublish(blocks[index])
    } else if let index = openIndex(count) {
      let own = try Self.take(from: &pool)
      let shared = blocks[index]
      work.copies.append(KVBlockCopy(from: shared, to: own))
      replaced = Replaced(index: index, shared: shared)
      pool.leave(shared, rows: rowCount)
      blocks[index] = own
    }
    for _ in 0..<missing(count) { try append(from: &pool, &work) }
    return work
  }

  /// Blocks that ``restore(_:_:in:)`` will take: all but those that others use.
  func restoreDemand(_ count: Int, _ names: [KVBlockKey], in pool: BlockPool) throws(MemoryError) -> Int {
    guard count <= KVGroup.mostRows else {
      throw MemoryError(.invalidRequest, "\(count) KV tokens: a sequence has at most \(KVGroup.mostRows)")
    }
    return group.neededBlocks(rows: count).count { !(names.indices.contains($0) && pool.isUsed(names[$0])) }
  }

  /// Makes room, in an empty table, for those of `count` rows that a query behind them may touch: blocks that the pool has
  /// under their names, else new ones.
  ///
  /// - Returns: what is to be done before rows are written, and which blocks are new, by their number in the table.
  mutating func restore(
    _ count: Int, _ names: [KVBlockKey], in pool: inout BlockPool
  ) throws(MemoryError) -> (work: KVGroupWork, new: [Int]) {
    var work = KVGroupWork()
    let gap = group.gap(behind: count)
    let wanted = group.neededBlocks(rows: count)
    // What is there is taken first, or a new block would be it.
    var found: [Int: Int32] = [:]
    for index in wanted where names.indices.contains(index) { found[index] = pool.attach(names[index]) }
    let new = wanted.filter { found[$0] == nil }
    for index in new { found[index] = try take(from: &pool, &work) }
    gapEnd = gap.upperBound
    firstBlock = sinkBlocks == 0 ? gapEnd : 0
    blocks = (firstBlock..<max(firstBlock, group.blockCount(rows: count))).map { found[$0] ?? KVTable.noBlock }
    return (work, new)
  }

  /// Counts `count` reserved rows as written, and what the reservation needed as done; ``giveBack(to:)`` follows.
  mutating func commit(_ count: Int, in pool: inout BlockPool) throws(MemoryError) {
    rowCount += count
    for block in pendingClear { pool.markCleared(block) }
    pendingClear.removeAll(keepingCapacity: true)
    if let done = replaced {
      pool.markCleared(blocks[done.index])
      replaced = nil
      pool.endLeaving(done.shared)
      try pool.release(done.shared)
    }
  }

  /// The block with that number; nil where it was given back, or is not there yet.
  func block(at number: Int) -> Int32? {
    guard blocks.indices.contains(number - firstBlock), blocks[number - firstBlock] != KVTable.noBlock else {
      return nil
    }
    return blocks[number - firstBlock]
  }

  /// Whether the rows are still there that a query at row `count` may touch.
  func canTruncate(to count: Int) -> Bool {
    gapEnd <= max(sinkBlocks, group.firstTouchedRow(at: count) / blockSize)
      || group.blockCount(rows: count) <= sinkBlocks
  }

  /// Undoes what was reserved and not committed, and drops all rows from `count` on; the caller has asked whether it
  /// can.
  mutating func truncate(to count: Int, in pool: inout BlockPool) throws(MemoryError) {
    if let undone = replaced {
      try pool.release(blocks[undone.index])
      blocks[undone.index] = undone.shared
      replaced = nil
      pool.endLeaving(undone.shared)
    }
    pendingClear.removeAll(keepingCapacity: true)
    fillingRows = 0
    rowCount = count
    let kept = min(blocks.count, max(0, group.blockCount(rows: count) - firstBlock))
    // The tail first: of what keeps its name it is worth the least.
    for block in blocks[kept...].reversed() where block != KVTable.noBlock { try pool.release(block) }
    blocks.removeLast(blocks.count - kept)
    if count == 0 || firstBlock + kept <= sinkBlocks { (firstBlock, gapEnd) = (0, sinkBlocks) }
  }

  // MARK: Sharing

  /// A second table over the same committed rows, sharing their blocks.
  func fork(in pool: inout BlockPool) throws(MemoryError) -> BlockTable {
    var copy = self
    if let replaced { copy.blocks[replaced.index] = replaced.shared }
    (copy.replaced, copy.pendingClear, copy.fillingRows) = (nil, [], 0)
    let kept = max(0, group.blockCount(rows: rowCount) - firstBlock)
    copy.blocks.removeLast(max(0, copy.blocks.count - kept))
    for block in copy.blocks where block != KVTable.noBlock { try pool.retain(block) }
    return copy
  }

  /// Moves that bring rows, counted from row `first`, side by side from there; of those that are still held.
  func moves(keeping rows: [Int], from first: Int) -> [KVRowMove] {
    let table = table
    return rows.enumerated().compactMap { index, row in
      guard row != index, let from = table.slot(ofRow: first + row), let to = table.slot(ofRow: first + index)
      else { return nil }
      return KVRowMove(from: from, to: to)
    }
  }

  // MARK: Inside

  private mutating func append(from pool: inout BlockPool, _ work: inout KVGroupWork) throws(MemoryError) {
    blocks.append(try take(from: &pool, &work))
  }

  /// A block of the table's own, to be cleared if it never was.
  private mutating func take(from pool: inout BlockPool, _ work: inout KVGroupWork) throws(MemoryError) -> Int32 {
    let block = try Self.take(from: &pool)
    if !pool.isCleared(block) {
      work.clear.append(block)
      pendingClear.append(block)
    }
    return block
  }

  private func missing(_ count: Int) -> Int {
    max(0, group.blockCount(rows: rowCount + count) - firstBlock - blocks.count)
  }

  /// The index of the block that has rows and that the next one goes to.
  private func openIndex(_ count: Int) -> Int? {
    let index = rowCount / blockSize - firstBlock
    return count > 0 && !rowCount.isMultiple(of: blockSize) && blocks.indices.contains(index) ? index : nil
  }

  /// The same, if other sequences read it too.
  private func sharedIndex(_ count: Int, in pool: BlockPool) -> Int? {
    openIndex(count).flatMap { pool.isShared(blocks[$0], rows: rowCount) ? $0 : nil }
  }

  private static func take(from pool: inout BlockPool) throws(MemoryError) -> Int32 {
    guard let block = pool.allocate() else {
      throw MemoryError(.outOfBlocks, "the KV cache has no free block: end a sequence, or use a larger --context")
    }
    return block
  }

  /// Releases the blocks that no later query touches.
  mutating func giveBack(to pool: inout BlockPool) throws(MemoryError) {
    let end = group.firstTouchedRow(at: rowCount) / blockSize
    guard end > gapEnd else { return }
    for index in gapEnd - firstBlock..<end - firstBlock {
      try pool.release(blocks[index])
      blocks[index] = KVTable.noBlock
    }
    gapEnd = end
    // Without sinks the table begins behind the gap.
    if sinkBlocks == 0 {
      blocks.removeFirst(end - firstBlock)
      firstBlock = end
    }
  }
}
