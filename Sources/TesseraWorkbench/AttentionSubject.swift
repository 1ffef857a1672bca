import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference

/// Attention of 32 heads over 8 KV heads to tune with: a prompt's, or that of one new token. Over the cache that models have on the
/// device where nobody asks for another.
struct AttentionSubject {
  private let isOne: Bool
  private let headDim: Int
  private let keyCount: Int
  private let queryCount: Int
  private let encoding: KVEncoding
  private let bench: Workbench
  private let q, keys, values, tables, positions, out: Buffer

  private static let (headCount, kvHeadCount, blockSize) = (32, 8, 64)

  /// - Parameter encoding: of the cache; nil takes the device's.
  init(isOne: Bool, headDim: Int, encoding: KVEncoding? = nil, on bench: Workbench) throws {
    (self.isOne, self.headDim, self.bench) = (isOne, headDim, bench)
    keyCount = isOne ? 4096 : bench.heap.limits.isCPU ? 512 : 2048
    queryCount = isOne ? 1 : keyCount
    self.encoding = encoding ?? .standard(on: bench.queue.context.device.profile.type)
    let numbers = tunerValues(keyCount * Self.kvHeadCount * headDim)
    // Whatever the order in which elements lie, they are such numbers.
    let pool =
      self.encoding == .f16
      ? try bench.buffer(numbers.map(ReferenceHalf.half(fromFloat:))) : try bench.buffer(numbers)
    (keys, values) = (pool, pool)
    q = try bench.buffer(tunerValues(queryCount * Self.headCount * headDim))
    out = try bench.output(queryCount * Self.headCount * headDim)
    tables = try bench.buffer((0..<keyCount / Self.blockSize).map { UInt32($0) })
    positions = try bench.buffer((keyCount - queryCount..<keyCount).map { Int32($0) })
  }

  func subject() throws -> TunerSubject {
    let tiles = try bench.plan(headDim: headDim).attention
    var initial = ["ROWS": tiles.rows(isOne: isOne)]
    if bench.library.style == .simt { initial["LOCAL"] = tiles.groupSize(isOne: isOne) }
    return TunerSubject(
      name: Tuning.attention(isOne: isOne, headDim: headDim),
      shape:
        "\(queryCount) × \(keyCount) \(encoding.rawValue.uppercased()) keys, \(Self.headCount)/\(Self.kvHeadCount) heads of \(headDim)",
      parameters: initial.keys.sorted(), initial: initial, run: run, result: { try bench.floats(out) })
  }

  private func run(_ tuning: Tuning) throws -> Double {
    let attention = FlashAttention(bench.library, tiles: try bench.plan(headDim: headDim, tuning: tuning).attention)
    let rows = attention.tileRows(longest: queryCount, headCount: Self.headCount, kvHeadCount: Self.kvHeadCount)
    let tiles = stride(from: 0, to: queryCount, by: rows).map {
      FlashAttention.Tile(firstToken: $0, count: min(rows, queryCount - $0), tableOffset: 0)
    }
    let tileBuffer = try bench.buffer(tiles)
    return try bench.queue.kernelSeconds {
      try attention.enqueue(
        q: q, qStride: Self.headCount * headDim, keys: keys, values: values, tables: tables, tiles: tileBuffer,
        tileCount: tiles.count, tileRows: rows, positions: positions, into: out,
        shape: .init(headCount: Self.headCount, scale: 1 / Float(headDim).squareRoot()),
        cache: .init(
          kvHeadCount: Self.kvHeadCount, headDim: headDim, blockCount: keyCount / Self.blockSize,
          blockSize: Self.blockSize, keys: encoding), on: bench.queue)
    }.reduce(0, +)
  }
}

/// Numbers in −1 … 1 that repeat nothing soon.
func tunerValues(_ count: Int) -> [Float] { (0..<count).map { Float(($0 * 7919) % 2001) * 0.001 - 1 } }
