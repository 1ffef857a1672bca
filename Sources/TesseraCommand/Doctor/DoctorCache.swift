import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference
import TesseraWorkbench

extension DoctorBench {
  /// Work on blocks and rows of the cache, to the byte: the share of pools, or of bytes, that differ.
  func cacheChecks(_ grid: DoctorGrid) -> [DoctorCheck] {
    grid.encodings.flatMap { encoding in
      [
        check("cache/blocks", "\(encoding.rawValue.uppercased()) cache", tolerance: 0) { [self] in
          try blockErrors(encoding)
        },
        check("cache/rotate", "\(encoding.rawValue.uppercased()) cache", tolerance: 0) { [self] in
          try [RotaryTable.Pairing.interleaved, .neox].map { try rotationError(encoding, $0) }
        },
      ]
    }
  }

  private func problem(_ encoding: KVEncoding) throws -> CacheProblem {
    try CacheProblem(
      KVGeometry(kvHeadCount: 2, keyDim: 64, valueDim: 32, keys: encoding, values: encoding), blockSize: 32, on: self)
  }

  private func difference(_ problem: CacheProblem) throws -> Double {
    Double(try problem.differing(on: self).count) / Double(problem.pools.flatMap { $0 }.count)
  }

  /// Rows that move, rows and blocks through a staging buffer, blocks that are copied and cleared.
  private func blockErrors(_ encoding: KVEncoding) throws -> [Double] {
    var problem = try problem(encoding)
    let blocks = CacheBlocks(library)
    var errors: [Double] = []
    let moves = [(66, 65), (67, 66), (5, 159), (31, 96)].map { KVRowMove(from: $0.0, to: $0.1) }
    try blocks.move(moves, group: 0, of: problem.cache, on: queue)
    problem.changeRows { rows, row in
      for move in moves { rows.replaceSubrange(row(Int(move.to)), with: Array(rows[row(Int(move.from))])) }
    }
    errors.append(try difference(problem))

    let (from, to): ([Int32], [Int32]) = ([3, 40, 159], [4, 3, 33])
    let bytes = try CacheBlocks.stagingBytes(of: problem.cache, group: 0, rows: 3)
    let rows = try Buffer(queue.context, byteCount: bytes)
    try blocks.gather(slots: from, group: 0, of: problem.cache, into: rows, on: queue)
    try blocks.scatter(rows, intoSlots: to, group: 0, of: problem.cache, on: queue)
    problem.changeRows { rows, row in
      let moved = from.map { Array(rows[row(Int($0))]) }
      for (slot, values) in zip(to, moved) { rows.replaceSubrange(row(Int(slot)), with: values) }
    }
    errors.append(try difference(problem))

    // Block 3 over block 0; 1 and 4 are cleared: in every encoding bytes of zeros.
    let work = KVGroupWork(clear: [4, 1], copies: [KVBlockCopy(from: 3, to: 0)])
    try blocks.enqueue(KVBlockWork(groups: [work]), of: problem.cache, on: queue)
    let count = 4 * problem.group.bytesPerBlock
    let staging = try Buffer(queue.context, byteCount: count)
    try blocks.gather([0, 3, 1, 4], group: 0, of: problem.cache, into: staging, on: queue)
    let image = problem.image(of: [3, 3]) + [UInt8](repeating: 0, count: count / 2)
    errors.append(doctorDifference(try queue.read(staging, as: UInt8.self, count: count), image))
    try blocks.scatter(staging, into: [1, 4, 0, 3], group: 0, of: problem.cache, on: queue)
    try blocks.gather([1, 4, 0, 3], group: 0, of: problem.cache, into: staging, on: queue)
    errors.append(doctorDifference(try queue.read(staging, as: UInt8.self, count: count), image))
    return errors
  }

  private func rotationError(_ encoding: KVEncoding, _ pairing: RotaryTable.Pairing) throws -> Double {
    var problem = try problem(encoding)
    let slots: [Int32] = [17, 3, 79, 18]
    let rotation = try RotaryTable(rotaryDim: 32, ropeTheta: 10_000).rows(at: [-5, 40, -1000, 0])
    try CacheBlocks(library).rotate(
      slots, by: buffer(rotation), rotaryDim: 32, rotaryBegin: 32, pairing: pairing, group: 0, of: problem.cache,
      on: queue)
    problem.turn(slots, by: rotation, rotaryDim: 32, begin: 32, pairing: pairing)
    return try difference(problem)
  }
}
