import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference

/// A prompt behind a history, its keys and values in a paged cache that holds NaN elsewhere.
struct DoctorAttention: CustomStringConvertible {
  /// Shapes that models use.
  static let all = [
    DoctorAttention(heads: 9, kvHeads: 3, headDim: 64),
    DoctorAttention(heads: 2, kvHeads: 2, headDim: 32, window: 5),
    DoctorAttention(heads: 4, kvHeads: 2, headDim: 96, softCap: 30),
    DoctorAttention(heads: 4, kvHeads: 1, headDim: 128, element: .f16),
    DoctorAttention(heads: 4, kvHeads: 1, headDim: 256, window: 64, element: .f16),
    DoctorAttention(heads: 9, kvHeads: 3, headDim: 64, element: .q8_0),
    DoctorAttention(heads: 4, kvHeads: 1, headDim: 128, element: .q4_0),
  ]
  private static let (history, count, blockSize) = (50, 20, 16)

  var heads: Int
  var kvHeads: Int
  var headDim: Int
  var window: Int?
  var softCap: Float?
  var element = KVEncoding.f32

  var description: String {
    "\(heads)/\(kvHeads) heads of \(headDim), \(element.rawValue.uppercased()) cache"
      + (window.map { ", window \($0)" } ?? "") + (softCap == nil ? "" : ", soft cap")
  }

  private var scale: Float { Float(1 / Double(headDim).squareRoot()) }
  private var keyCount: Int { Self.history + Self.count }
  private var positions: [Int] { Array(Self.history..<keyCount) }
  /// (count, heads, headDim)
  private var queries: [Float] { random(1, Self.count * heads * headDim) }
  /// (keyCount, kvHeads, headDim)
  private var keys: [Float] { random(2, keyCount * kvHeads * headDim) }
  private var values: [Float] { random(3, keyCount * kvHeads * headDim) }

  private func random(_ seed: UInt64, _ count: Int) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return generator.floats(count, magnitude: seed == 3 ? 1 : 2)
  }

  /// The reference's result, and the same with the values' magnitudes.
  func reference() throws -> (out: [Float], magnitude: [Float]) {
    let attention = ReferenceAttention(
      headCount: heads, kvHeadCount: kvHeads, headDim: headDim, scale: scale, window: window, softCap: softCap)
    let type = ReferenceCacheType(rawValue: element.rawValue) ?? .f32
    let (keys, values) = (type.rounded(keys), type.rounded(values))
    let out = try [values, values.map(abs)].map {
      try attention.attend(
        queries: queries, keys: keys, values: $0, queryPositions: positions, keyCount: keyCount)
    }
    return (out[0], out[1])
  }

  /// The device's result, as a prompt or token by token.
  func run(isOneByOne: Bool, on bench: DoctorBench) throws -> [Float] {
    let attention = FlashAttention(bench.library, tiles: try bench.plan(headDim: headDim).attention)
    let tileRows = attention.tileRows(
      longest: isOneByOne ? 1 : Self.count, headCount: heads, kvHeadCount: kvHeads)
    let tiles = stride(from: 0, to: Self.count, by: tileRows).map {
      FlashAttention.Tile(firstToken: $0, count: min(tileRows, Self.count - $0), tableOffset: 0)
    }
    let blocks = (keyCount + Self.blockSize - 1) / Self.blockSize
    let tables = (0..<blocks).map { UInt32(blocks - $0) }
    let cache = CacheGeometry(
      kvHeadCount: kvHeads, headDim: headDim, blockCount: blocks + 1, blockSize: Self.blockSize, keys: element)
    let buffers = try store(tables, cache, on: bench)
    let out = try bench.output(Self.count * heads * headDim)
    try attention.enqueue(
      q: bench.buffer(queries), qStride: heads * headDim, keys: buffers[0], values: buffers[1],
      tables: bench.buffer(tables), tiles: bench.buffer(tiles), tileCount: tiles.count, tileRows: tileRows,
      positions: bench.buffer(positions.map { Int32($0) }), into: out,
      shape: .init(headCount: heads, window: window, scale: scale, softCap: softCap),
      cache: cache, on: bench.queue)
    return try bench.floats(out)
  }

  /// Pools of keys and values, stored by the device without a rotation, and NaN elsewhere.
  private func store(_ tables: [UInt32], _ cache: CacheGeometry, on bench: DoctorBench) throws -> [Buffer] {
    let width = kvHeads * headDim
    let bytes = (tables.count + 1) * Self.blockSize * width / element.blockElements * element.blockBytes
    let pools = [try bench.output(bytes / 4), try bench.output(bytes / 4)]
    let (keys, values) = (keys, values)
    var rows: [Float] = []
    var slots: [UInt32] = []
    for token in 0..<keyCount {
      let columns = token * width..<(token + 1) * width
      rows += keys[columns] + values[columns]
      let offset = token % Self.blockSize
      slots.append(tables[token / Self.blockSize] * UInt32(Self.blockSize) + UInt32(offset))
    }
    let rotation: [Float] = (0..<keyCount).flatMap { _ -> [Float] in [1, 0] }
    try RotaryStore(bench.library).enqueue(
      bench.buffer(rows), rotation: bench.buffer(rotation),
      slots: bench.buffer(slots), keys: pools[0], values: pools[1], tokens: keyCount, headCount: 0, rotaryDim: 2,
      pairing: .neox, cache: cache, on: bench.queue)
    return pools
  }
}

extension DoctorBench {
  /// Attention as prompts and token by token, relative to Σ p|v|.
  func attentionChecks() -> [DoctorCheck] {
    DoctorAttention.all.map { problem in
      check("attention/flash_attention", "\(problem)", tolerance: 4e-6) { [self] in
        let (expected, magnitude) = try problem.reference()
        return try [false, true].map {
          doctorError(try problem.run(isOneByOne: $0, on: self), expected, relativeTo: magnitude)
        }
      }
    }
  }
}
