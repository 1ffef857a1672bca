/// Which blocks hold a sequence's rows in one group: row r lies in `blocks[r / blockSize - firstBlock]`, at r % blockSize.
package struct KVTable: Sendable, Equatable {
  /// Stands where a block was given back, between the sinks and the window.
  package static let noBlock: Int32 = -1

  /// Blocks before the first that is held.
  package var firstBlock: Int
  /// Block ids in row order, those of reserved rows included.
  package var blocks: [Int32]
  /// Rows of a block.
  package var blockSize: Int

  package init(firstBlock: Int, blocks: [Int32], blockSize: Int) {
    self.firstBlock = firstBlock
    self.blocks = blocks
    self.blockSize = blockSize
  }

  /// The block with that number in the sequence; nil where none is held.
  package func block(_ number: Int) -> Int32? {
    guard blocks.indices.contains(number - firstBlock), blocks[number - firstBlock] != Self.noBlock else { return nil }
    return blocks[number - firstBlock]
  }

  /// The slot of `row`, block · blockSize + its place there; nil when no block holds it.
  package func slot(ofRow row: Int) -> Int32? {
    let index = row / blockSize - firstBlock
    guard row >= 0, blocks.indices.contains(index), blocks[index] != Self.noBlock else { return nil }
    return blocks[index] * Int32(truncatingIfNeeded: blockSize) + Int32(truncatingIfNeeded: row % blockSize)
  }
}

/// A block whose bytes become another's.
package struct KVBlockCopy: Sendable, Equatable {
  package var from, to: Int32

  package init(from: Int32, to: Int32) {
    self.from = from
    self.to = to
  }
}

/// A row whose bytes become another's, by slots.
package struct KVRowMove: Sendable, Equatable {
  package var from, to: Int32

  package init(from: Int32, to: Int32) {
    self.from = from
    self.to = to
  }
}

/// Work that must run on the device before a step's kernels do, in one group.
package struct KVGroupWork: Sendable, Equatable {
  /// Blocks to fill with zeros.
  package var clear: [Int32] = []
  /// Blocks to copy; none is also cleared, and none is both source and target.
  package var copies: [KVBlockCopy] = []

  package init(clear: [Int32] = [], copies: [KVBlockCopy] = []) {
    self.clear = clear
    self.copies = copies
  }

  package var isEmpty: Bool { clear.isEmpty && copies.isEmpty }
}

/// Work that must run on the device before a step's kernels do.
package struct KVBlockWork: Sendable, Equatable {
  /// One for each group of the layout.
  package var groups: [KVGroupWork]

  package init(groups: [KVGroupWork]) { self.groups = groups }

  package var isEmpty: Bool { groups.allSatisfy(\.isEmpty) }

  /// Adds the work of another sequence of the same step.
  package mutating func append(_ other: KVBlockWork) {
    for (index, work) in other.groups.enumerated() where groups.indices.contains(index) {
      groups[index].clear += work.clear
      groups[index].copies += work.copies
    }
  }
}

/// Room for the tokens of a step.
package struct KVReservation: Sendable, Equatable {
  /// Rows that the step's tokens get.
  package var rows: Range<Int>
  /// One for each group; that of a transient group is empty.
  package var tables: [KVTable]
  /// To be run before the step's kernels.
  package var work: KVBlockWork

  /// The slots of `rows` in a group.
  ///
  /// Throws ``MemoryError`` when there is no such group, or it keeps no rows of the sequence.
  package func slots(group: Int) throws(MemoryError) -> [Int32] {
    guard tables.indices.contains(group) else {
      throw MemoryError(.invalidRequest, "\(tables.count) KV groups are reserved, group \(group) was asked for")
    }
    let slots = rows.compactMap { tables[group].slot(ofRow: $0) }
    guard slots.count == rows.count else {
      throw MemoryError(.invalidRequest, "KV group \(group) has no rows for tokens \(rows)")
    }
    return slots
  }
}

/// Room for tokens that are computed already.
package struct KVRestoration: Sendable, Equatable {
  /// The room, to be committed whole.
  package var reservation: KVReservation
  /// Of each group the numbers of the blocks in the sequence whose rows must be written: the others are there.
  package var newBlocks: [[Int]]
}
