/// Which blocks hold a sequence's rows in one group: row r lies in `blocks[r / blockSize - firstBlock]`, at r % blockSize.
public struct KVTable: Sendable, Equatable {
  /// Stands where a block was given back, between the sinks and the window.
  public static let noBlock: Int32 = -1

  /// Blocks before the first that is held.
  public var firstBlock: Int
  /// Block ids in row order, those of reserved rows included.
  public var blocks: [Int32]
  /// Rows of a block.
  public var blockSize: Int

  public init(firstBlock: Int, blocks: [Int32], blockSize: Int) {
    self.firstBlock = firstBlock
    self.blocks = blocks
    self.blockSize = blockSize
  }

  /// The slot of `row`, block · blockSize + its place there; nil when no block holds it.
  public func slot(ofRow row: Int) -> Int32? {
    let index = row / blockSize - firstBlock
    guard row >= 0, blocks.indices.contains(index), blocks[index] != Self.noBlock else { return nil }
    return blocks[index] * Int32(truncatingIfNeeded: blockSize) + Int32(truncatingIfNeeded: row % blockSize)
  }
}

/// A block whose bytes become another's.
public struct KVBlockCopy: Sendable, Equatable {
  public var from, to: Int32

  public init(from: Int32, to: Int32) {
    self.from = from
    self.to = to
  }
}

/// A row whose bytes become another's, by slots.
public struct KVRowMove: Sendable, Equatable {
  public var from, to: Int32

  public init(from: Int32, to: Int32) {
    self.from = from
    self.to = to
  }
}

/// Work that must run on the device before a step's kernels do, in one group.
public struct KVGroupWork: Sendable, Equatable {
  /// Blocks to fill with zeros.
  public var clear: [Int32] = []
  /// Blocks to copy; none is also cleared, and none is both source and target.
  public var copies: [KVBlockCopy] = []

  public init(clear: [Int32] = [], copies: [KVBlockCopy] = []) {
    self.clear = clear
    self.copies = copies
  }

  public var isEmpty: Bool { clear.isEmpty && copies.isEmpty }
}

/// Work that must run on the device before a step's kernels do.
public struct KVBlockWork: Sendable, Equatable {
  /// One for each group of the layout.
  public var groups: [KVGroupWork]

  public init(groups: [KVGroupWork]) { self.groups = groups }

  public var isEmpty: Bool { groups.allSatisfy(\.isEmpty) }

  /// Adds the work of another sequence of the same step.
  public mutating func append(_ other: KVBlockWork) {
    for (index, work) in other.groups.enumerated() where groups.indices.contains(index) {
      groups[index].clear += work.clear
      groups[index].copies += work.copies
    }
  }
}

/// Room for the tokens of a step.
public struct KVReservation: Sendable, Equatable {
  /// Rows that the step's tokens get.
  public var rows: Range<Int>
  /// One for each group; that of a transient group is empty.
  public var tables: [KVTable]
  /// To be run before the step's kernels.
  public var work: KVBlockWork

  /// The slots of `rows` in a group.
  ///
  /// Throws ``MemoryError`` when there is no such group, or it keeps no rows of the sequence.
  public func slots(group: Int) throws(MemoryError) -> [Int32] {
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
