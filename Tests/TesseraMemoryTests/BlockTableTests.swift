import Testing

@testable import TesseraMemory

@Suite("Block tables")
struct BlockTableTests {
  @Test("tokens take blocks on demand, and give them back when truncated")
  func growAndShrink() throws {
    var pool = try BlockPool(blockCount: 4)
    var table = try BlockTable(blockSize: 16)
    #expect(try table.reserve(16, in: &pool) == nil)
    #expect(table.blocks == [0] && pool.freeCount == 3)
    try table.commit(16)
    #expect(try table.reserve(17, in: &pool) == nil)
    #expect(table.blocks == [0, 1, 2] && table.tokenCount == 16)
    try table.commit(1)
    try table.truncate(to: 17, in: &pool)
    #expect(table.blocks == [0, 1] && pool.freeCount == 2)
    try table.truncate(to: 0, in: &pool)
    #expect(table.blocks.isEmpty && pool.freeCount == 4)
  }

  @Test("an exhausted pool refuses with the numbers and changes nothing")
  func exhaustion() throws {
    var pool = try BlockPool(blockCount: 3)
    var table = try BlockTable(blockSize: 16)
    _ = try table.reserve(20, in: &pool)
    try table.commit(20)
    let before = table
    let error = try memoryError { try table.reserve(40, in: &pool) }
    #expect(error.code == .outOfBlocks)
    #expect(error.message.contains("2 more blocks") && error.message.contains("1 of 3 are free"))
    #expect(table == before && pool.freeCount == 1)
  }

  @Test("a fork shares blocks, and whoever writes first to a shared partial block gets a copy")
  func copyOnWrite() throws {
    var pool = try BlockPool(blockCount: 8)
    var table = try BlockTable(blockSize: 16)
    _ = try table.reserve(40, in: &pool)
    try table.commit(20)
    var fork = try table.fork(in: &pool)
    #expect(fork.blocks == [0, 1] && pool.usedCount == 3)
    #expect(table.needsCopy(in: pool) && fork.needsCopy(in: pool))
    #expect(try fork.reserve(1, in: &pool) == BlockTable.Copy(from: 1, to: 3))
    #expect(fork.blocks == [0, 3] && table.blocks == [0, 1, 2])
    #expect(!table.needsCopy(in: pool) && !fork.needsCopy(in: pool))
    #expect(try table.reserve(1, in: &pool) == nil)
    #expect(pool.referenceCount(0) == 2 && pool.referenceCount(1) == 1)
  }

  @Test("a fork at a block's border needs no copy, and neither does reserving nothing")
  func forkAtBorder() throws {
    var pool = try BlockPool(blockCount: 8)
    var table = try BlockTable(blockSize: 16)
    _ = try table.reserve(33, in: &pool)
    try table.commit(32)
    var fork = try table.fork(in: &pool)
    #expect(try fork.reserve(5, in: &pool) == nil)
    #expect(fork.blocks[2] != table.blocks[2])
    try fork.truncate(to: 20, in: &pool)
    #expect(try fork.reserve(0, in: &pool) == nil)
    #expect(try fork.reserve(1, in: &pool)?.from == table.blocks[1])
  }

  @Test("over-commits, cuts beyond the end, negative and absurd counts are refused")
  func refusals() throws {
    var pool = try BlockPool(blockCount: 2)
    var table = try BlockTable(blockSize: 16)
    #expect(throws: MemoryError.self) { try table.commit(1) }
    #expect(throws: MemoryError.self) { try table.commit(-1) }
    #expect(throws: MemoryError.self) { try table.truncate(to: 1, in: &pool) }
    #expect(throws: MemoryError.self) { try table.truncate(to: -1, in: &pool) }
    for count in [-1, Int.max, Int.min] {
      #expect(throws: MemoryError.self) { try table.reserve(count, in: &pool) }
    }
    for id in [-1, 0, 2, Int.max] {
      #expect(throws: MemoryError.self) { try pool.retain(id) }
      #expect(throws: MemoryError.self) { try pool.release(id) }
    }
    for count in [0, -1, Int.max] { #expect(throws: MemoryError.self) { try BlockPool(blockCount: count) } }
    #expect(throws: MemoryError.self) { try BlockTable(blockSize: 0) }
  }

  /// Every step is applied to the tables and to a model of them: per sequence the tokens that it should read. Memory
  /// holds one token a row, written as kernels would and copied as the cache would.
  @Test(
    "random appends, forks, cuts and closes leak no block and never change another sequence's tokens",
    arguments: 0..<40 as Range<UInt64>)
  func property(seed: UInt64) throws {
    struct Sequence {
      var table: BlockTable
      var tokens: [Int] = []
    }
    var generator = TestGenerator(state: seed)
    let (blockSize, blockCount) = (16, 16)
    var pool = try BlockPool(blockCount: blockCount)
    var memory = [[Int]](repeating: [Int](repeating: -1, count: blockSize), count: blockCount)
    var sequences: [Sequence] = []
    var nextToken = 0
    var refusals = 0

    for _ in 0..<600 {
      let index = sequences.isEmpty ? 0 : Int.random(in: 0..<sequences.count, using: &generator)
      switch Int.random(in: 0..<10, using: &generator) {
      case 0 where sequences.count < 8:
        sequences.append(Sequence(table: try BlockTable(blockSize: blockSize)))
      case 1..<6 where !sequences.isEmpty:
        let wanted = Int.random(in: 0...40, using: &generator)
        let before = sequences[index].table
        do {
          if let copy = try sequences[index].table.reserve(wanted, in: &pool) { memory[copy.to] = memory[copy.from] }
        } catch {
          #expect(error.code == .outOfBlocks)
          #expect(sequences[index].table == before)
          refusals += 1
          break
        }
        // A kernel writes all reserved tokens; perhaps only some are kept.
        let kept = Int.random(in: 0...wanted, using: &generator)
        for i in 0..<wanted {
          let position = before.tokenCount + i
          memory[sequences[index].table.blocks[position / blockSize]][position % blockSize] = nextToken + i
        }
        sequences[index].tokens += (0..<kept).map { nextToken + $0 }
        nextToken += wanted
        try sequences[index].table.commit(kept)
      case 6 where !sequences.isEmpty:
        let count = Int.random(in: 0...sequences[index].tokens.count, using: &generator)
        try sequences[index].table.truncate(to: count, in: &pool)
        sequences[index].tokens.removeLast(sequences[index].tokens.count - count)
      case 7 where !sequences.isEmpty && sequences.count < 8:
        var fork = sequences[index]
        fork.table = try sequences[index].table.fork(in: &pool)
        sequences.append(fork)
      case 8 where !sequences.isEmpty:
        try sequences[index].table.truncate(to: 0, in: &pool)
        sequences.remove(at: index)
      default: break
      }
      var users = [Int](repeating: 0, count: blockCount)
      for sequence in sequences {
        for block in sequence.table.blocks { users[block] += 1 }
        let read = (0..<sequence.table.tokenCount).map {
          memory[sequence.table.blocks[$0 / blockSize]][$0 % blockSize]
        }
        #expect(read == sequence.tokens)
      }
      #expect(users == (0..<blockCount).map { pool.referenceCount($0) })
      #expect(pool.freeCount == users.count { $0 == 0 })
    }
    #expect(refusals > 0, "the pool is too large to be exhausted")
  }
}
