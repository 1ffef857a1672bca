/// Blocks in an order, each at most once: adding at the end and taking out anywhere take the same time, however many there are.
struct BlockList: Sendable, Equatable {
  /// Of each block, and of a sentinel behind them, the neighbors; a block that is not listed has itself as both.
  private var next, previous: [Int32]
  /// Blocks in the list.
  private(set) var count = 0

  private var sentinel: Int { next.count - 1 }

  /// An empty list of blocks from 0 to `blockCount` - 1.
  init(blockCount: Int) {
    next = (0...Int32(blockCount)).map { $0 }
    previous = next
  }

  /// The block that was added the longest ago.
  var first: Int32? { count == 0 ? nil : next[sentinel] }

  /// All blocks, the first first.
  var blocks: [Int32] {
    var blocks: [Int32] = []
    var block = next[sentinel]
    while Int(block) != sentinel {
      blocks.append(block)
      block = next[Int(block)]
    }
    return blocks
  }

  /// Adds a block that is not listed at the end.
  mutating func append(_ block: Int32) {
    let last = previous[sentinel]
    (previous[Int(block)], next[Int(block)]) = (last, Int32(sentinel))
    (next[Int(last)], previous[sentinel]) = (block, block)
    count += 1
  }

  /// Takes a block out that is listed.
  mutating func remove(_ block: Int32) {
    let (before, behind) = (previous[Int(block)], next[Int(block)])
    (next[Int(before)], previous[Int(behind)]) = (behind, before)
    (previous[Int(block)], next[Int(block)]) = (block, block)
    count -= 1
  }
}
