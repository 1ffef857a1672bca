import Testing

@testable import TesseraMemory

/// Pools and a layout without a device.
struct TableBench {
  let layout: KVCacheLayout
  var pools: [BlockPool]

  init(_ groups: [(kind: KVKind, blockSize: Int, blocks: Int)]) throws {
    let geometry = try KVGeometry(kvHeadCount: 1, keyDim: 8)
    layout = try KVCacheLayout(
      groups: groups.enumerated().map {
        try KVGroup(layers: [$0], geometry: geometry, kind: $1.kind, blockSize: $1.blockSize)
      })
    pools = try groups.map { try BlockPool(blockCount: $0.blocks) }
  }

  var freeCounts: [Int] { pools.map(\.freeCount) }
}

@Suite("Sequences' block tables")
struct SequenceTablesTests {
  @Test("tokens take blocks on demand, and give them back when truncated")
  func growAndShrink() throws {
    var bench = try TableBench([(.growing, 16, 4)])
    var sequence = SequenceTables(bench.layout)
    #expect(try sequence.reserve(16, in: &bench.pools).tables[0].blocks == [0])
    try sequence.commit(16, in: &bench.pools)
    let reservation = try sequence.reserve(17, in: &bench.pools)
    #expect(reservation.tables[0].blocks == [0, 1, 2] && reservation.rows == 16..<33 && sequence.capacity == 48)
    #expect(try reservation.slots(group: 0) == Array(16..<33))
    #expect(reservation.work.groups == [KVGroupWork(clear: [1, 2])])
    try sequence.commit(1, in: &bench.pools)
    try sequence.truncate(to: 17, in: &bench.pools)
    #expect(sequence.tables[0].table.blocks == [0, 1] && bench.freeCounts == [2])
    try sequence.truncate(to: 0, in: &bench.pools)
    #expect(sequence.tables[0].table.blocks.isEmpty && bench.freeCounts == [4])
  }

  @Test("an exhausted pool refuses with the numbers and changes no group")
  func exhaustion() throws {
    var bench = try TableBench([(.growing, 16, 9), (.growing, 32, 2)])
    var sequence = SequenceTables(bench.layout)
    _ = try sequence.reserve(20, in: &bench.pools)
    try sequence.commit(20, in: &bench.pools)
    let before = sequence.tables
    let error = try memoryError { try sequence.reserve(50, in: &bench.pools) }
    #expect(error.code == .outOfBlocks)
    #expect(error.message.contains("2 more blocks") && error.message.contains("1 of 2 are free"))
    #expect(sequence.tables == before && bench.freeCounts == [7, 1])
    #expect(try sequence.reserve(30, in: &bench.pools).tables.map(\.blocks.count) == [4, 2])
  }

  @Test("a fork shares blocks, and whoever writes first to a shared partial block gets a copy")
  func copyOnWrite() throws {
    var bench = try TableBench([(.growing, 16, 8)])
    var sequence = SequenceTables(bench.layout)
    _ = try sequence.reserve(40, in: &bench.pools)
    try sequence.commit(20, in: &bench.pools)
    var fork = try sequence.fork(in: &bench.pools)
    #expect(fork.tables[0].table.blocks == [0, 1] && bench.freeCounts == [5])
    let reservation = try fork.reserve(1, in: &bench.pools)
    #expect(reservation.work.groups[0] == KVGroupWork(copies: [KVBlockCopy(from: 1, to: 3)]))
    #expect(reservation.tables[0].blocks == [0, 3] && sequence.tables[0].table.blocks == [0, 1, 2])
    try fork.commit(1, in: &bench.pools)
    #expect(try sequence.reserve(1, in: &bench.pools).work.isEmpty)
    #expect(bench.pools[0].referenceCount(0) == 2 && bench.pools[0].referenceCount(1) == 1)
    // At a block's border there is nothing to copy.
    var border = try sequence.fork(in: &bench.pools)
    try border.truncate(to: 16, in: &bench.pools)
    #expect(try border.reserve(5, in: &bench.pools).work.groups[0].copies.isEmpty)
  }

  @Test("of forks that write in one step the last keeps the block, unless another has more rows there")
  func lastKeeps() throws {
    var bench = try TableBench([(.growing, 16, 4)])
    var sequences = [SequenceTables(bench.layout)]
    _ = try sequences[0].reserve(20, in: &bench.pools)
    try sequences[0].commit(20, in: &bench.pools)
    for _ in 0..<2 { sequences.append(try sequences[0].fork(in: &bench.pools)) }
    func copies(_ order: [Int]) throws -> [Int] {
      try order.map { try sequences[$0].reserve(1, in: &bench.pools).work.groups[0].copies.count }
    }
    #expect(try copies([0, 1, 2]) == [1, 1, 0] && bench.freeCounts == [0])
    // All fail, and share again.
    for index in sequences.indices { try sequences[index].truncate(to: 20, in: &bench.pools) }
    #expect(bench.pools[0].referenceCount(1) == 3 && bench.freeCounts == [2])
    // One fails: it shares with the one that wrote, and takes a copy next time.
    #expect(try copies([2, 0, 1]) == [1, 1, 0])
    for index in [1, 2] { try sequences[index].commit(1, in: &bench.pools) }
    try sequences[0].truncate(to: 20, in: &bench.pools)
    #expect(bench.pools[0].referenceCount(1) == 2 && bench.freeCounts == [1])
    #expect(try copies([0]) == [1])
    try sequences[0].commit(1, in: &bench.pools)
    #expect(bench.pools[0].referenceCount(1) == 1)
    // What others have more of stays as it is.
    for index in [0, 2] { sequences[index].close(in: &bench.pools) }
    sequences[0] = try sequences[1].fork(in: &bench.pools)
    try sequences[1].truncate(to: 18, in: &bench.pools)
    #expect(try copies([0, 1]) == [1, 1])
  }

  @Test("a step that fails leaves blocks uncleared, and gives the shared block back its place")
  func abandoned() throws {
    var bench = try TableBench([(.growing, 16, 4)])
    var sequence = SequenceTables(bench.layout)
    #expect(try sequence.reserve(20, in: &bench.pools).work.groups[0].clear == [0, 1])
    try sequence.truncate(to: 0, in: &bench.pools)
    #expect(bench.freeCounts == [4] && !bench.pools[0].isCleared(0))
    // The same blocks are to be cleared again.
    #expect(Set(try sequence.reserve(20, in: &bench.pools).work.groups[0].clear) == [0, 1])
    // More room: only what is new.
    #expect(try sequence.reserve(40, in: &bench.pools).work.groups[0].clear == [2])
    try sequence.commit(20, in: &bench.pools)
    try sequence.truncate(to: 20, in: &bench.pools)
    let committed = sequence.tables[0].table.blocks

    var fork = try sequence.fork(in: &bench.pools)
    let copy = try fork.reserve(12, in: &bench.pools).work.groups[0]
    // Block 2 was cleared with the step before; a copy needs no clearing.
    #expect(copy == KVGroupWork(copies: [KVBlockCopy(from: committed[1], to: 2)]))
    let second = try fork.fork(in: &bench.pools)
    #expect(second.tables[0].table.blocks == committed)
    try fork.truncate(to: 20, in: &bench.pools)
    #expect(fork.tables[0].table.blocks == committed && bench.freeCounts == [2])
    #expect(bench.pools[0].referenceCount(committed[1]) == 3)
  }

  @Test("a window gives back the blocks before the tile of its oldest key, and can be cut only while it is whole")
  func window() throws {
    var bench = try TableBench([(.window(100, sinks: 0), 64, 16), (.growing, 64, 32)])
    var sequence = SequenceTables(bench.layout)
    for _ in 0..<71 {
      _ = try sequence.reserve(5, in: &bench.pools)
      try sequence.commit(5, in: &bench.pools)
    }
    // Row 355's query sees rows from 256 on.
    #expect(sequence.tokenCount == 355)
    #expect(sequence.tables[0].table.firstBlock == 4 && sequence.tables[0].table.blocks.count == 2)
    #expect(sequence.tables[1].table.firstBlock == 0 && sequence.tables[1].table.blocks.count == 6)
    #expect(sequence.tables[0].table.slot(ofRow: 255) == nil && sequence.tables[0].table.slot(ofRow: 256) != nil)
    let error = try memoryError { try sequence.truncate(to: 354, in: &bench.pools) }
    #expect(error.code == .windowLost && sequence.tokenCount == 355)
    _ = try sequence.reserve(100, in: &bench.pools)
    try sequence.commit(100, in: &bench.pools)
    try sequence.truncate(to: 355, in: &bench.pools)
    try sequence.truncate(to: 0, in: &bench.pools)
    #expect(sequence.tables.allSatisfy { $0.table.firstBlock == 0 && $0.table.blocks.isEmpty })
    #expect(bench.freeCounts == [16, 32])
    // From the beginning again.
    #expect(try sequence.reserve(70, in: &bench.pools).tables.allSatisfy { $0.firstBlock == 0 && $0.blocks.count == 2 })
  }

  @Test("sinks keep their tile; between them and the window the table has no blocks")
  func sinks() throws {
    var bench = try TableBench([(.window(256, sinks: 4), 128, 16)])
    var sequence = SequenceTables(bench.layout)
    _ = try sequence.reserve(1100, in: &bench.pools)
    try sequence.commit(1100, in: &bench.pools)
    // Row 1100's query sees rows from 845 on, whose tile begins at 768.
    let table = sequence.tables[0].table
    #expect(table.firstBlock == 0 && table.blocks.count == 9)
    #expect(table.blocks.enumerated().filter { $1 == KVTable.noBlock }.map(\.offset) == [2, 3, 4, 5])
    #expect(bench.freeCounts == [16 - 5])
    #expect(throws: MemoryError.self) { try sequence.truncate(to: 700, in: &bench.pools) }
    // Within the sinks everything is there.
    try sequence.truncate(to: 200, in: &bench.pools)
    #expect(sequence.tables[0].table.blocks.count == 2 && bench.freeCounts == [14])
    _ = try sequence.reserve(600, in: &bench.pools)
    try sequence.commit(600, in: &bench.pools)
    #expect(sequence.tables[0].table.blocks.enumerated().filter { $1 == KVTable.noBlock }.map(\.offset) == [2, 3])
  }

  @Test("a restored sequence has the tables of one that was computed", arguments: [0, 1, 200, 256, 1100, 1500])
  func restored(count: Int) throws {
    var bench = try TableBench([
      (.growing, 16, 200), (.window(100, sinks: 0), 64, 60), (.window(256, sinks: 4), 128, 30),
    ])
    var computed = SequenceTables(bench.layout)
    _ = try computed.reserve(count, in: &bench.pools)
    try computed.commit(count, in: &bench.pools)
    let used = zip([200, 60, 30], bench.freeCounts).map { $0 - $1 }
    var restored = SequenceTables(bench.layout)
    #expect(try restored.restore(count, in: &bench.pools).reservation.rows == 0..<count)
    #expect(zip([200, 60, 30], bench.freeCounts).map { $0 - $1 } == used.map { 2 * $0 })
    try restored.truncate(to: 0, in: &bench.pools)
    #expect(zip([200, 60, 30], bench.freeCounts).map { $0 - $1 } == used)
    _ = try restored.restore(count, in: &bench.pools)
    if count > 0 { #expect(throws: MemoryError.self) { try restored.restore(1, in: &bench.pools) } }
    try restored.commit(count, in: &bench.pools)
    func shape(_ tables: SequenceTables) -> [[Bool]] {
      tables.tables.map { table in (0..<count + 16).map { table.table.slot(ofRow: $0) != nil } }
    }
    _ = try computed.reserve(16, in: &bench.pools)
    _ = try restored.reserve(16, in: &bench.pools)
    #expect(shape(computed) == shape(restored))
    computed.close(in: &bench.pools)
    restored.close(in: &bench.pools)
    #expect(bench.freeCounts == [200, 60, 30])
  }

  @Test("a fixed group is filled once, shared by forks, and not cut with the tokens")
  func fixed() throws {
    var bench = try TableBench([(.growing, 16, 8), (.fixed(capacity: 40), 16, 6)])
    var sequence = SequenceTables(bench.layout)
    for count in [0, -1, 41] {
      #expect(throws: MemoryError.self) { try sequence.fill(1, count, in: &bench.pools) }
    }
    for group in [0, 2, -1] {
      #expect(throws: MemoryError.self) { try sequence.fill(group, 4, in: &bench.pools) }
    }
    #expect(try sequence.fill(1, 40, in: &bench.pools).work.groups[1].clear == [0, 1, 2])
    try sequence.truncate(to: 0, in: &bench.pools)
    #expect(bench.freeCounts == [8, 6])
    let filled = try sequence.fill(1, 33, in: &bench.pools)
    #expect(filled.rows == 0..<33 && filled.work.groups[1].clear.count == 3)
    try sequence.commit(0, in: &bench.pools)
    _ = try sequence.reserve(3, in: &bench.pools)
    try sequence.commit(3, in: &bench.pools)
    try sequence.truncate(to: 0, in: &bench.pools)
    var fork = try sequence.fork(in: &bench.pools)
    #expect(sequence.tables[1].table == filled.tables[1] && fork.tables[1].table == filled.tables[1])
    #expect(throws: MemoryError.self) { try fork.fill(1, 1, in: &bench.pools) }
    sequence.close(in: &bench.pools)
    #expect(bench.freeCounts == [8, 3])
    fork.close(in: &bench.pools)
    #expect(bench.freeCounts == [8, 6])
  }

  @Test("a path through a tree of drafts is kept, by moves of its rows")
  func tree() throws {
    var bench = try TableBench([(.growing, 16, 8), (.growing, 32, 8)])
    var sequence = SequenceTables(bench.layout)
    _ = try sequence.reserve(14, in: &bench.pools)
    try sequence.commit(14, in: &bench.pools)
    _ = try sequence.reserve(7, in: &bench.pools)
    for wrong in [[7], [-1], [2, 2], [3, 1]] {
      #expect(throws: MemoryError.self) { try sequence.commit(keeping: wrong, in: &bench.pools) }
    }
    let moves = try sequence.commit(keeping: [0, 2, 3, 6], in: &bench.pools)
    let expected = [(16, 15), (17, 16), (20, 17)].map { KVRowMove(from: $0.0, to: $0.1) }
    #expect(moves == [expected, expected] && sequence.tokenCount == 18)
    #expect(try memoryError { try sequence.commit(4, in: &bench.pools) }.message.contains("room for 3"))
  }

  @Test("a token costs no copy of the table: it grows in place")
  func inPlace() throws {
    var bench = try TableBench([(.growing, 16, 1000)])
    var sequence = SequenceTables(bench.layout)
    var places = Set<UnsafePointer<Int32>?>()
    for _ in 0..<16_000 {
      _ = try sequence.reserve(1, in: &bench.pools)
      try sequence.commit(1, in: &bench.pools)
      places.insert(sequence.tables[0].table.blocks.withUnsafeBufferPointer(\.baseAddress))
    }
    // An array's memory doubles as it grows.
    #expect(places.count <= 12)
  }

  @Test("over-commits, cuts beyond the end, negative and absurd counts are refused")
  func refusals() throws {
    var bench = try TableBench([(.growing, 16, 2)])
    var sequence = SequenceTables(bench.layout)
    #expect(throws: MemoryError.self) { try sequence.commit(1, in: &bench.pools) }
    #expect(throws: MemoryError.self) { try sequence.commit(-1, in: &bench.pools) }
    #expect(throws: MemoryError.self) { try sequence.truncate(to: 1, in: &bench.pools) }
    #expect(throws: MemoryError.self) { try sequence.truncate(to: -1, in: &bench.pools) }
    for count in [-1, Int.max, Int.min] {
      #expect(throws: MemoryError.self) { try sequence.reserve(count, in: &bench.pools) }
    }
    for id in [-1, 0, 2, Int32.max] {
      #expect(throws: MemoryError.self) { try bench.pools[0].retain(id) }
      #expect(throws: MemoryError.self) { try bench.pools[0].release(id) }
    }
    for count in [0, -1, Int.max] { #expect(throws: MemoryError.self) { try BlockPool(blockCount: count) } }
  }
}
