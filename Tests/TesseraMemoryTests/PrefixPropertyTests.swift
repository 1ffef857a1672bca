import TesseraSystem
import Testing

@testable import TesseraMemory

/// Sequences of tokens from few beginnings, whose blocks have names: every step is applied to tables and to a model of them.
@Suite("Random use of named blocks")
struct PrefixPropertyTests {
  static let blockSize = 16
  static let groups: [(kind: KVKind, blockSize: Int, blocks: Int)] = [
    (.growing, blockSize, 150), (.window(40, sinks: 0), blockSize, 110), (.window(30, sinks: 20), blockSize, 130),
  ]

  private struct Member {
    var tables: SequenceTables
    var chain: KVKeyChain
    /// What was run.
    var tokens: [Int] = []
    /// What will be.
    var stream: [Int]
  }

  /// Rows of memory, one token each, and what every name stands for.
  private struct Bench {
    var tables: TableBench
    var memory: [[Int]]
    var contents: [KVBlockKey: [Int]] = [:]
    var (attached, evictions, restored, lost, refusals) = (0, 0, 0, 0, 0)

    init() throws {
      tables = try TableBench(PrefixPropertyTests.groups)
      memory = PrefixPropertyTests.groups.map { Array(repeating: -7, count: $0.blocks * $0.blockSize) }
    }

    mutating func run(_ work: KVBlockWork) {
      let size = PrefixPropertyTests.blockSize
      for (g, group) in work.groups.enumerated() {
        for block in group.clear {
          for row in 0..<size { memory[g][Int(block) * size + row] = 0 }
        }
        for copy in group.copies {
          for row in 0..<size { memory[g][Int(copy.to) * size + row] = memory[g][Int(copy.from) * size + row] }
        }
      }
    }

    /// The chain of tokens, whose names are noted.
    mutating func chain(_ tokens: [Int]) -> KVKeyChain {
      var chain = KVKeyChain(root: Fingerprint([1]), blockSize: PrefixPropertyTests.blockSize)
      for (index, token) in tokens.enumerated() where chain.append(token) {
        guard let name = chain.names.last else { continue }
        contents[name] = Array(tokens[...index].suffix(PrefixPropertyTests.blockSize))
      }
      return chain
    }
  }

  @Test("names stand for what they say, nothing leaks, and what is attached is what would be computed")
  func property() throws {
    var sums = (attached: 0, evictions: 0, restored: 0, lost: 0, refusals: 0)
    for seed in 0..<6 as Range<UInt64> {
      let bench = try run(seed: seed)
      sums.attached += bench.attached
      sums.evictions += bench.evictions
      sums.restored += bench.restored
      sums.lost += bench.lost
      sums.refusals += bench.refusals
    }
    #expect(sums.attached > 40 && sums.evictions > 500 && sums.restored > 20 && sums.refusals > 20, "\(sums)")
  }

  private func run(seed: UInt64) throws -> Bench {
    var random = TestGenerator(state: seed)
    var bench = try Bench()
    var members: [Member] = []
    // Streams share beginnings of each other.
    let first = (0..<700).map { _ in Int.random(in: 1..<1000, using: &random) }
    let streams = (0..<6).map { index in
      Array(first.prefix(index * 90)) + (0..<700).map { _ in Int.random(in: 1..<1000, using: &random) }
    }
    for _ in 0..<500 {
      let index = members.isEmpty ? 0 : Int.random(in: 0..<members.count, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0, 1:
        guard members.count < 5 else { break }
        let stream = streams[Int.random(in: 0..<streams.count, using: &random)]
        var member = Member(tables: SequenceTables(bench.tables.layout), chain: bench.chain([]), stream: stream)
        let known = Int.random(in: 0...stream.count, using: &random)
        member.chain = bench.chain(Array(stream.prefix(known)))
        member.tables.name(member.chain.names, from: 0, in: &bench.tables.pools)
        if Bool.random(using: &random) {
          let count = try member.tables.attach(bench.tables.layout, most: known, in: &bench.tables.pools)
          member.tokens = Array(stream.prefix(count))
          bench.attached += count > 0 ? 1 : 0
        } else if try restore(&member, &bench, count: known) {
          bench.restored += 1
        }
        members.append(member)
      case 2..<7 where !members.isEmpty: try append(&members[index], &bench, &random)
      case 7 where !members.isEmpty:
        let end = members[index].tokens.count
        let count = Int.random(in: max(0, end - 60)...end, using: &random)
        do {
          try members[index].tables.truncate(to: count, in: &bench.tables.pools)
          members[index].tokens.removeLast(end - count)
          // What follows is another text: its names are known as it is run.
          if count < end {
            members[index].stream = members[index].tokens + streams[0].suffix(400)
            members[index].chain = bench.chain(members[index].tokens)
          }
        } catch {
          #expect(error.code == .windowLost)
          bench.lost += 1
        }
      case 8 where !members.isEmpty && members.count < 5:
        var fork = members[index]
        fork.tables = try members[index].tables.fork(in: &bench.tables.pools)
        members.append(fork)
      case 9 where !members.isEmpty:
        members[index].tables.close(in: &bench.tables.pools)
        members.remove(at: index)
      default: break
      }
      check(members, bench)
    }
    for index in members.indices { members[index].tables.close(in: &bench.tables.pools) }
    #expect(bench.tables.freeCounts == Self.groups.map(\.blocks))
    return bench
  }

  /// Runs some tokens, of which the last may be known a step late, as an answer's are.
  private func append(_ member: inout Member, _ bench: inout Bench, _ random: inout TestGenerator) throws {
    let left = member.stream.count - member.tokens.count
    let count = min(left, Int.random(in: 0...120, using: &random))
    let isLate = Bool.random(using: &random)
    let before = member.tables.tables
    let named = bench.tables.pools.reduce(0) { $0 + $1.namedCount }
    do {
      let reservation = try member.tables.reserve(count, in: &bench.tables.pools)
      if Int.random(in: 0..<8, using: &random) == 0 {
        try member.tables.truncate(to: member.tokens.count, in: &bench.tables.pools)
        return
      }
      bench.run(reservation.work)
      let new = Array(member.stream[member.tokens.count..<member.tokens.count + count])
      for g in Self.groups.indices {
        for (slot, token) in zip(try reservation.slots(group: g), new) { bench.memory[g][Int(slot)] = token }
      }
      member.tokens += new
      if !isLate { name(&member, &bench) }
      bench.evictions += max(0, named - bench.tables.pools.reduce(0) { $0 + $1.namedCount })
      try member.tables.commit(count, in: &bench.tables.pools)
      if isLate { name(&member, &bench) }
    } catch {
      #expect(error.code == .outOfBlocks && member.tables.tables == before)
      bench.refusals += 1
    }
  }

  private func name(_ member: inout Member, _ bench: inout Bench) {
    let known = member.chain.names.count
    let longer = bench.chain(member.tokens)
    guard longer.names.count > known else { return }
    member.tables.name(longer.names[known...], from: known, in: &bench.tables.pools)
    member.chain = longer
  }

  /// Takes blocks that are there, and writes the others as from an image; false where there is no room.
  private func restore(_ member: inout Member, _ bench: inout Bench, count: Int) throws -> Bool {
    guard let restoration = try? member.tables.restore(count, in: &bench.tables.pools) else {
      bench.refusals += 1
      return false
    }
    bench.run(restoration.reservation.work)
    for (g, new) in restoration.newBlocks.enumerated() {
      for row in new.flatMap({ $0 * Self.blockSize..<min(count, ($0 + 1) * Self.blockSize) }) {
        let slot = try #require(restoration.reservation.tables[g].slot(ofRow: row))
        bench.memory[g][Int(slot)] = member.stream[row]
      }
    }
    try member.tables.commit(count, in: &bench.tables.pools)
    member.tokens = Array(member.stream.prefix(count))
    return true
  }

  private func check(_ members: [Member], _ bench: Bench) {
    for (g, group) in Self.groups.enumerated() {
      let pool = bench.tables.pools[g]
      var users = [Int](repeating: 0, count: group.blocks)
      for member in members {
        let table = member.tables.tables[g].table
        let blocks = table.blocks.filter { $0 != KVTable.noBlock }
        #expect(Set(blocks).count == blocks.count)
        for block in blocks { users[Int(block)] += 1 }
        let end = member.tokens.count
        var rows = Array(0..<end)
        if case .window(let window, let sinks) = group.kind {
          rows = Array(0..<min(end, sinks)) + Array(max(0, end - window + 1)..<end)
        }
        let read = rows.map { row in table.slot(ofRow: row).map { bench.memory[g][Int($0)] } }
        #expect(read == rows.map { member.tokens[$0] })
      }
      #expect(users == (0..<Int32(group.blocks)).map { pool.referenceCount($0) })
      #expect(pool.freeCount == users.count { $0 == 0 })
      for (name, tokens) in bench.contents {
        guard let block = pool.block(named: name) else { continue }
        let rows = bench.memory[g][Int(block) * Self.blockSize..<(Int(block) + 1) * Self.blockSize]
        #expect(Array(rows) == tokens, "a name stands for other tokens")
      }
      #expect(bench.contents.keys.count { pool.holds($0) } == pool.namedCount)
    }
  }

  @Test("what was let go the longest ago goes first, of a chain its tail; who comes back takes what is left")
  func order() throws {
    var bench = try TableBench([(.growing, 16, 6)])
    func sequence(_ token: Int, blocks: Int) throws -> (SequenceTables, [KVBlockKey]) {
      var chain = KVKeyChain(root: Fingerprint([]), blockSize: 16)
      chain.append(Array(repeating: token, count: 16 * blocks))
      var tables = SequenceTables(bench.layout)
      tables.name(chain.names, from: 0, in: &bench.pools)
      _ = try tables.reserve(16 * blocks, in: &bench.pools)
      try tables.commit(16 * blocks, in: &bench.pools)
      return (tables, chain.names)
    }
    var (a, first) = try sequence(1, blocks: 3)
    a.close(in: &bench.pools)
    var (b, second) = try sequence(2, blocks: 2)
    b.close(in: &bench.pools)
    #expect(bench.freeCounts == [6] && bench.pools[0].namedCount == 5)
    // One was never used, the second is the tail of the oldest chain.
    var c = SequenceTables(bench.layout)
    _ = try c.reserve(32, in: &bench.pools)
    #expect(first.map { bench.pools[0].holds($0) } == [true, true, false])
    #expect(second.allSatisfy { bench.pools[0].holds($0) })
    var again = SequenceTables(bench.layout)
    again.name(first, from: 0, in: &bench.pools)
    #expect(try again.attach(bench.layout, most: 48, in: &bench.pools) == 32)
    #expect(bench.freeCounts == [2])
    // In use, it is in nobody's way.
    _ = try c.reserve(64, in: &bench.pools)
    #expect(second.allSatisfy { !bench.pools[0].holds($0) } && bench.freeCounts == [0])
    again.close(in: &bench.pools)
    c.close(in: &bench.pools)
    #expect(bench.freeCounts == [6] && bench.pools[0].namedCount == 2)
  }

  @Test("who may have computed something wrong takes the names off that, and of nothing that others have computed")
  func unname() throws {
    var bench = try TableBench([(.growing, 16, 12), (.window(16, sinks: 0), 16, 12)])
    var chain = KVKeyChain(root: Fingerprint([]), blockSize: 16)
    chain.append(Array(0..<16 * 6))
    func sequence(_ names: some Collection<KVBlockKey>) -> SequenceTables {
      var tables = SequenceTables(bench.layout, keepsJournal: true)
      tables.name(names, from: 0, in: &bench.pools)
      return tables
    }
    func run(_ tables: inout SequenceTables, _ count: Int) throws {
      _ = try tables.reserve(count, in: &bench.pools)
      try tables.commit(count, in: &bench.pools)
    }
    func held() -> [[Bool]] { bench.pools.map { pool in chain.names.map { pool.holds($0) } } }
    var good = sequence(chain.names.prefix(2))
    try run(&good, 32)
    #expect(good.takeNamed(in: bench.pools).map(\.name) == Array(chain.names.prefix(2)))
    good.close(in: &bench.pools)
    var bad = sequence(chain.names)
    #expect(try bad.attach(bench.layout, most: 95, in: &bench.pools) == 32)
    // In two steps: the window gives blocks back.
    try run(&bad, 48)
    try run(&bad, 16)
    var other = sequence(chain.names)
    #expect(try other.attach(bench.layout, most: 96, in: &bench.pools) == 96)
    #expect(held() == Array(repeating: Array(repeating: true, count: 6), count: 2))
    bad.unname(in: &bench.pools)
    #expect(held() == Array(repeating: [true, true, false, false, false, false], count: 2))
    #expect(bad.takeNamed(in: bench.pools).isEmpty)
    bad.close(in: &bench.pools)
    other.unname(in: &bench.pools)
    other.close(in: &bench.pools)
    #expect(held().allSatisfy { $0.prefix(2).allSatisfy { $0 } } && bench.freeCounts == [12, 12])
  }
}
