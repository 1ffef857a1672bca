import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Blocks and rows of the cache")
  @MainActor struct CacheBlocksTests {
    static var geometries: [KVGeometry] {
      get throws {
        [
          try KVGeometry(kvHeadCount: 3, keyDim: 24, valueDim: 40),
          try KVGeometry(kvHeadCount: 2, keyDim: 80, valueDim: 24, keys: .f16),
          // Pools that cannot be slices of one buffer: each is a buffer of its own.
          try KVGeometry(kvHeadCount: 1, keyDim: 32, keys: .q8_0),
          try KVGeometry(kvHeadCount: 2, keyDim: 64, valueDim: 32, keys: .q8_0, values: .q4_0),
          try KVGeometry(kvHeadCount: 1, keyDim: 96, valueDim: 128, keys: .q4_0, values: .q8_0),
          try KVGeometry(kvHeadCount: 1, keyDim: 96, valueDim: 64, sharesValues: true, keys: .f16),
        ]
      }
    }

    /// Launches that a command of one kernel may take.
    private func mostLaunches(_ problem: CacheProblem) -> Int {
      problem.cache.wholeBuffer == nil ? problem.pools.flatMap { $0 }.count : problem.pools[0].count
    }

    @Test("blocks are cleared and copied in every layer, those of the lists and no others", arguments: Target.all)
    func clearAndCopy(target: Target) throws {
      let bench = try target.bench()
      for geometry in try Self.geometries {
        var problem = try CacheProblem(geometry, blockSize: 32, on: bench)
        let work = KVGroupWork(
          clear: [4, 1], copies: [KVBlockCopy(from: 3, to: 0)])
        let launches = bench.queue.launchCount
        try CacheBlocks(bench.library).enqueue(KVBlockWork(groups: [work]), of: problem.cache, on: bench.queue)
        #expect(bench.queue.launchCount - launches <= 2 * mostLaunches(problem))
        problem.changeRows { rows, row in
          for place in 0..<32 {
            rows.replaceSubrange(row(4 * 32 + place), with: repeatElement(0, count: row(0).count))
            rows.replaceSubrange(row(32 + place), with: repeatElement(0, count: row(0).count))
            rows.replaceSubrange(row(place), with: Array(rows[row(3 * 32 + place)]))
          }
        }
        // A cleared block has the bytes of zeros, where a quantized row of zeros has those of its offset.
        if geometry.keys != .q4_0, geometry.values != .q4_0 {
          #expect(try problem.differing(on: bench) == [], "\(geometry)")
        }
        try expectZeros(problem, blocks: [4, 1], on: bench)
        try expectStaged(problem, from: [0, 2, 3], on: bench)
      }
    }

    /// Clears are told by bytes: zeros read as 0 in every encoding.
    private func expectZeros(_ problem: CacheProblem, blocks: [Int32], on bench: Bench) throws {
      let image = try staged(problem, blocks, on: bench)
      #expect(image.allSatisfy { $0 == 0 } && !image.isEmpty)
    }

    private func expectStaged(_ problem: CacheProblem, from blocks: [Int32], on bench: Bench) throws {
      #expect(try staged(problem, blocks, on: bench) == problem.image(of: blocks), "\(problem.group.geometry)")
    }

    private func staged(_ problem: CacheProblem, _ blocks: [Int32], on bench: Bench) throws -> [UInt8] {
      let bytes = CacheBlocks.stagingBytes(problem.group, blocks: blocks.count)
      let staging = try Buffer(bench.queue.context, byteCount: bytes)
      let launches = bench.queue.launchCount
      try CacheBlocks(bench.library).gather(blocks, group: 0, of: problem.cache, into: staging, on: bench.queue)
      #expect(bench.queue.launchCount - launches <= mostLaunches(problem))
      return try bench.queue.read(staging, as: UInt8.self, count: bytes)
    }

    @Test("blocks pass through a staging buffer to other blocks, and to a cache of another size", arguments: Target.all)
    func stage(target: Target) throws {
      let bench = try target.bench()
      for geometry in try Self.geometries {
        var problem = try CacheProblem(geometry, on: bench)
        let blocks: [Int32] = [3, 0, 2]
        let image = problem.image(of: blocks)
        try expectStaged(problem, from: blocks, on: bench)
        let staging = try bench.buffer(image)
        let operators = CacheBlocks(bench.library)
        try operators.scatter(staging, into: [1, 4, 3], group: 0, of: problem.cache, on: bench.queue)
        problem.changeRows { rows, row in
          for (from, to) in [(0, 4), (3, 1), (2, 3)] {
            for place in 0..<16 {
              rows.replaceSubrange(row(to * 16 + place), with: Array(rows[row(from * 16 + place)]))
            }
          }
        }
        #expect(try problem.differing(on: bench) == [], "\(geometry)")
        let other = try CacheProblem(geometry, blockCount: 8, on: bench)
        try operators.scatter(staging, into: [7, 0, 5], group: 0, of: other.cache, on: bench.queue)
        #expect(try staged(other, [7, 0, 5], on: bench) == image)
        for wrong: [Int32] in [[5], [-1]] {
          #expect(throws: OperatorError.self) {
            try operators.scatter(staging, into: wrong, group: 0, of: problem.cache, on: bench.queue)
          }
        }
        #expect(throws: OperatorError.self) {
          try operators.gather([0, 1, 2, 3], group: 0, of: problem.cache, into: staging, on: bench.queue)
        }
      }
    }

    @Test("rows move one after the other, also where a source is a later target", arguments: Target.all)
    func moves(target: Target) throws {
      let bench = try target.bench()
      for geometry in try Self.geometries {
        var problem = try CacheProblem(geometry, blockSize: 32, on: bench)
        let moves = [(66, 65), (67, 66), (70, 67), (5, 159), (159, 64), (31, 96)]
          .map { KVRowMove(from: $0.0, to: $0.1) }
        let launches = bench.queue.launchCount
        try CacheBlocks(bench.library).move(moves, group: 0, of: problem.cache, on: bench.queue)
        #expect(bench.queue.launchCount - launches <= mostLaunches(problem))
        problem.changeRows { rows, row in
          for move in moves { rows.replaceSubrange(row(Int(move.to)), with: Array(rows[row(Int(move.from))])) }
        }
        #expect(try problem.differing(on: bench) == [], "\(geometry)")
        #expect(throws: OperatorError.self) {
          try CacheBlocks(bench.library)
            .move([KVRowMove(from: 0, to: 160)], group: 0, of: problem.cache, on: bench.queue)
        }
      }
    }

    @Test("rows pass through a staging buffer to other slots, as they are encoded", arguments: Target.all)
    func stageRows(target: Target) throws {
      let bench = try target.bench()
      for geometry in try Self.geometries {
        var problem = try CacheProblem(geometry, blockSize: 32, on: bench)
        let operators = CacheBlocks(bench.library)
        let (from, to): ([Int32], [Int32]) = ([3, 40, 41, 159], [4, 3, 158, 33])
        let bytes = try CacheBlocks.stagingBytes(of: problem.cache, group: 0, rows: 4)
        #expect((0..<64).contains(bytes - 4 * problem.group.bytesPerToken))
        let staging = try Buffer(bench.queue.context, byteCount: bytes)
        let launches = bench.queue.launchCount
        try operators.gather(slots: from, group: 0, of: problem.cache, into: staging, on: bench.queue)
        try operators.scatter(staging, intoSlots: to, group: 0, of: problem.cache, on: bench.queue)
        #expect(bench.queue.launchCount - launches <= 2 * mostLaunches(problem))
        problem.changeRows { rows, row in
          let moved = from.map { Array(rows[row(Int($0))]) }
          for (slot, values) in zip(to, moved) { rows.replaceSubrange(row(Int(slot)), with: values) }
        }
        #expect(try problem.differing(on: bench) == [], "\(geometry)")
        #expect(throws: OperatorError.self) {
          try operators.gather(slots: from + [0], group: 0, of: problem.cache, into: staging, on: bench.queue)
        }
      }
    }

    @Test("keys turn by the angles of their shift, and nothing else does", arguments: Target.all)
    func rotate(target: Target) throws {
      let bench = try target.bench()
      for (geometry, begin, rotaryDim, pairing) in [
        (try KVGeometry(kvHeadCount: 3, keyDim: 24, valueDim: 40), 4, 20, RotaryTable.Pairing.neox),
        (try KVGeometry(kvHeadCount: 2, keyDim: 80, keys: .f16), 0, 80, .interleaved),
        (try KVGeometry(kvHeadCount: 2, keyDim: 96, keys: .q8_0), 0, 80, .neox),
        (try KVGeometry(kvHeadCount: 1, keyDim: 96, keys: .q4_0), 32, 32, .interleaved),
      ] {
        var problem = try CacheProblem(geometry, on: bench)
        let slots: [Int32] = [17, 3, 79, 18]
        let shifts = [-5, 40, -1000, 0]
        let table = try RotaryTable(rotaryDim: rotaryDim, ropeTheta: 10_000)
        let rotation = table.rows(at: shifts)
        try CacheBlocks(bench.library).rotate(
          slots, by: bench.buffer(rotation), rotaryDim: rotaryDim, rotaryBegin: begin, pairing: pairing, group: 0,
          of: problem.cache, on: bench.queue)
        problem.turn(slots, by: rotation, rotaryDim: rotaryDim, begin: begin, pairing: pairing)
        #expect(try problem.differing(on: bench) == [], "\(geometry)")
      }
    }

    @Test("rotations that do not fit the keys are refused", arguments: Target.all.prefix(1))
    func refusals(target: Target) throws {
      let bench = try target.bench()
      let problem = try CacheProblem(KVGeometry(kvHeadCount: 1, keyDim: 32), layers: 1, on: bench)
      let rotation = try bench.buffer([Float](repeating: 0, count: 64))
      for (slots, begin, rotaryDim) in [
        ([0], 0, 34), ([0], 2, 32), ([0], -2, 32), ([0], 0, 31), ([0], 0, 0), ([80], 0, 32), ([-1], 0, 32),
        ([1, 1], 0, 32), ([0, 1, 2], 0, 32),
      ] as [([Int32], Int, Int)] {
        #expect(throws: OperatorError.self) {
          try CacheBlocks(bench.library).rotate(
            slots, by: rotation, rotaryDim: rotaryDim, rotaryBegin: begin, pairing: .neox, group: 0,
            of: problem.cache, on: bench.queue)
        }
      }
      #expect(throws: OperatorError.self) {
        try CacheBlocks(bench.library).gather([0], group: 1, of: problem.cache, into: rotation, on: bench.queue)
      }
    }

    @Test("a fork that writes keeps its own copy on the device, and fresh blocks read as zero", arguments: Target.all)
    func fork(target: Target) throws {
      let bench = try target.bench()
      let problem = try CacheProblem(KVGeometry(kvHeadCount: 3, keyDim: 24, valueDim: 40), blockCount: 6, on: bench)
      let operators = CacheBlocks(bench.library)
      let sequence = problem.cache.makeSequence()
      let first = try sequence.reserve(20)
      try operators.enqueue(first.work, of: problem.cache, on: bench.queue)
      try expectZeros(problem, blocks: first.tables[0].blocks, on: bench)
      // The kernels of the step write the second block.
      let bytes = (0..<problem.group.bytesPerBlock).map { UInt8(truncatingIfNeeded: $0 / 7) }
      try operators.scatter(bench.buffer(bytes), into: [1], group: 0, of: problem.cache, on: bench.queue)
      try sequence.commit(20)
      let fork = try sequence.fork()
      let own = try fork.reserve(1)
      try operators.enqueue(own.work, of: problem.cache, on: bench.queue)
      #expect(own.tables[0].blocks == [0, 2] && sequence.tables[0].blocks == [0, 1])
      #expect(try staged(problem, [2], on: bench) == bytes)
      let launches = bench.queue.launchCount
      try fork.commit(1)
      try operators.enqueue(fork.reserve(1).work, of: problem.cache, on: bench.queue)
      #expect(bench.queue.launchCount == launches)
    }
  }
}
