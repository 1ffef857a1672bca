import Testing

@testable import TesseraMemory

/// Every step is applied to the tables and to a model of them: per sequence the tokens that it should read. Memory holds
/// one token a row, written as kernels would and cleared, copied and moved as the cache would.
@Suite("Random use of block tables")
struct SequencePropertyTests {
  struct Model {
    var tables: SequenceTables
    var tokens: [Int] = []
  }

  static let garbage = -7

  static let groups: [(kind: KVKind, blockSize: Int, blocks: Int)] = [
    (.growing, 16, 64), (.window(40, sinks: 0), 16, 70), (.window(30, sinks: 20), 32, 60),
    (.window(300, sinks: 0), 48, 26),
  ]

  @Test("no block leaks or is in two places, every visible row is in its table once, and nothing uncleared is read")
  func property() throws {
    // Refusals of full pools, of cuts behind a window, and steps that failed.
    var events = (refusals: 0, lost: 0, abandoned: 0)
    for seed in 0..<16 as Range<UInt64> {
      let more = try run(seed: seed)
      events = (events.refusals + more.refusals, events.lost + more.lost, events.abandoned + more.abandoned)
    }
    #expect(events.refusals > 20 && events.lost > 10 && events.abandoned > 100, "\(events)")
  }

  private func run(seed: UInt64) throws -> (refusals: Int, lost: Int, abandoned: Int) {
    var generator = TestGenerator(state: seed)
    var bench = try TableBench(Self.groups)
    var memory = Self.groups.map { [Int](repeating: Self.garbage, count: $0.blocks * $0.blockSize) }
    var sequences: [Model] = []
    var nextToken = 0
    var (refusals, lost, abandoned) = (0, 0, 0)

    func run(_ work: KVBlockWork) {
      for (g, group) in work.groups.enumerated() {
        let size = Self.groups[g].blockSize
        for block in group.clear {
          memory[g].replaceSubrange(Int(block) * size..<(Int(block) + 1) * size, with: repeatElement(0, count: size))
        }
        for copy in group.copies {
          memory[g].replaceSubrange(
            Int(copy.to) * size..<(Int(copy.to) + 1) * size,
            with: Array(memory[g][Int(copy.from) * size..<(Int(copy.from) + 1) * size]))
        }
      }
    }

    for _ in 0..<600 {
      let index = sequences.isEmpty ? 0 : Int.random(in: 0..<sequences.count, using: &generator)
      switch Int.random(in: 0..<13, using: &generator) {
      case 0 where sequences.count < 6: sequences.append(Model(tables: SequenceTables(bench.layout)))
      case 1..<7 where !sequences.isEmpty:
        let wanted = Int.random(in: 0...90, using: &generator)
        let before = (sequences[index].tables.tables, bench.freeCounts)
        let reservation: KVReservation
        do {
          reservation = try sequences[index].tables.reserve(wanted, in: &bench.pools)
        } catch {
          #expect(error.code == .outOfBlocks)
          #expect(sequences[index].tables.tables == before.0 && bench.freeCounts == before.1)
          refusals += 1
          break
        }
        if Int.random(in: 0..<6, using: &generator) == 0 {
          // The step fails before anything has run.
          try sequences[index].tables.truncate(to: sequences[index].tokens.count, in: &bench.pools)
          abandoned += 1
          break
        }
        run(reservation.work)
        let written = (0..<wanted).map { nextToken + $0 }
        nextToken += wanted
        for g in Self.groups.indices {
          for (slot, token) in zip(try reservation.slots(group: g), written) { memory[g][Int(slot)] = token }
        }
        if Bool.random(using: &generator) {
          let kept = Int.random(in: 0...wanted, using: &generator)
          try sequences[index].tables.commit(kept, in: &bench.pools)
          sequences[index].tokens += written.prefix(kept)
        } else {
          let kept = (0..<wanted).filter { _ in Int.random(in: 0..<3, using: &generator) > 0 }
          let moves = try sequences[index].tables.commit(keeping: kept, in: &bench.pools)
          for (g, list) in moves.enumerated() {
            for move in list { memory[g][Int(move.to)] = memory[g][Int(move.from)] }
          }
          sequences[index].tokens += kept.map { written[$0] }
        }
      case 7, 11:
        guard !sequences.isEmpty else { break }
        let end = sequences[index].tokens.count
        let count = Int.random(in: max(0, end - 120)...end, using: &generator)
        let before = sequences[index].tables.tables
        do {
          try sequences[index].tables.truncate(to: count, in: &bench.pools)
          sequences[index].tokens.removeLast(end - count)
        } catch {
          #expect(error.code == .windowLost && sequences[index].tables.tables == before)
          lost += 1
        }
      case 8, 9:
        guard !sequences.isEmpty, sequences.count < 6 else { break }
        var fork = sequences[index]
        fork.tables = try sequences[index].tables.fork(in: &bench.pools)
        sequences.append(fork)
      case 10 where !sequences.isEmpty:
        sequences[index].tables.close(in: &bench.pools)
        sequences.remove(at: index)
      case 12:
        // A step of all sequences, as beams have it, which may fail when kernels have written already.
        let succeeds = Int.random(in: 0..<3, using: &generator) > 0
        do {
          let reservations = try sequences.indices.shuffled(using: &generator).map {
            (index: $0, room: try sequences[$0].tables.reserve(2, in: &bench.pools))
          }
          for reservation in reservations { run(reservation.room.work) }
          for (index, room) in reservations {
            let written = [nextToken, nextToken + 1]
            nextToken += 2
            for g in Self.groups.indices {
              for (slot, token) in zip(try room.slots(group: g), written) { memory[g][Int(slot)] = token }
            }
            guard succeeds else { continue }
            try sequences[index].tables.commit(2, in: &bench.pools)
            sequences[index].tokens += written
          }
        } catch let error as MemoryError {
          #expect(error.code == .outOfBlocks)
          refusals += 1
        }
        for index in sequences.indices {
          try sequences[index].tables.truncate(to: sequences[index].tokens.count, in: &bench.pools)
        }
      default: break
      }
      check(sequences, bench, memory)
    }
    for i in sequences.indices { sequences[i].tables.close(in: &bench.pools) }
    #expect(bench.freeCounts == Self.groups.map(\.blocks))
    return (refusals, lost, abandoned)
  }

  private func check(_ sequences: [Model], _ bench: TableBench, _ memory: [[Int]]) {
    for (g, group) in Self.groups.enumerated() {
      var users = [Int](repeating: 0, count: group.blocks)
      for sequence in sequences {
        let table = sequence.tables.tables[g].table
        let blocks = table.blocks.filter { $0 != KVTable.noBlock }
        #expect(Set(blocks).count == blocks.count)
        for block in blocks { users[Int(block)] += 1 }
        // What a query behind the last token sees, and what attention touches beside it.
        let end = sequence.tokens.count
        var visible = 0..<end
        // Groups of 16 rows are read whole.
        let touchedEnd = (end + 15) / 16 * 16
        var touched = 0..<touchedEnd
        var sinks = 0..<0
        if case .window(let window, let sinkCount) = group.kind {
          visible = max(0, end - window + 1)..<end
          touched = visible.lowerBound / 256 * 256..<touchedEnd
          sinks = 0..<min(end, sinkCount)
        }
        let read = (Array(sinks) + Array(visible)).map { row in table.slot(ofRow: row).map { memory[g][Int($0)] } }
        #expect(read == Array(sequence.tokens[sinks]) + Array(sequence.tokens[visible]))
        for row in touched where table.slot(ofRow: row).map({ memory[g][Int($0)] == Self.garbage }) ?? true {
          // Behind the last row there need not be a block.
          if row >= end, table.slot(ofRow: row) == nil { continue }
          Issue.record("row \(row) of \(end) in group \(g) is not to be touched")
        }
      }
      #expect(users == (0..<Int32(group.blocks)).map { bench.pools[g].referenceCount($0) })
      #expect(bench.pools[g].freeCount == users.count { $0 == 0 })
    }
  }
}
