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
    DoctorAttention(heads: 4, kvHeads: 1, headDim: 128, isHalf: true),
    DoctorAttention(heads: 4, kvHeads: 1, headDim: 256, window: 64, isHalf: true),
  ]
  private static let (history, count, blockSize) = (50, 20, 16)

  var heads: Int
  var kvHeads: Int
  var headDim: Int
  var window: Int?
  var softCap: Float?
  var isHalf = false

  var description: String {
    "\(heads)/\(kvHeads) heads of \(headDim), \(isHalf ? "F16" : "F32") cache"
      + (window.map { ", window \($0)" } ?? "") + (softCap == nil ? "" : ", soft cap")
  }

  private var scale: Float { Float(1 / Double(headDim).squareRoot()) }
  private var keyCount: Int { Self.history + Self.count }
  private var positions: [Int] { Array(Self.history..<keyCount) }
  /// (count, heads, headDim)
  private var queries: [Float] { random(1, Self.count * heads * headDim) }
  /// (keyCount, kvHeads, headDim), as the cache rounds them.
  private var keys: [Float] { stored(random(2, keyCount * kvHeads * headDim)) }
  private var values: [Float] { stored(random(3, keyCount * kvHeads * headDim)) }

  private func random(_ seed: UInt64, _ count: Int) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return generator.floats(count, magnitude: seed == 3 ? 1 : 2)
  }

  private func stored(_ values: [Float]) -> [Float] {
    isHalf ? values.map { ReferenceHalf.float(fromHalf: ReferenceHalf.half(fromFloat: $0)) } : values
  }

  /// The reference's result, and the same with the values' magnitudes.
  func reference() throws -> (out: [Float], magnitude: [Float]) {
    let attention = ReferenceAttention(
      headCount: heads, kvHeadCount: kvHeads, headDim: headDim, scale: scale, window: window, softCap: softCap)
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
    let layout = try KVCacheLayout(layerCount: 1, kvHeadCount: kvHeads, headDim: headDim, blockSize: Self.blockSize)
    let pools = [
      pool(keys, tables, layout) { layout.keyOffset(kvHead: $0, token: $1, element: $2) },
      pool(values, tables, layout) { layout.valueOffset(kvHead: $0, token: $1, element: $2) },
    ]
    let buffers = try pools.map {
      try isHalf ? bench.buffer($0.map { ReferenceHalf.half(fromFloat: $0) }) : bench.buffer($0)
    }
    let out = try bench.output(Self.count * heads * headDim)
    try attention.enqueue(
      q: bench.buffer(queries), qStride: heads * headDim, keys: buffers[0], values: buffers[1],
      tables: bench.buffer(tables), tiles: bench.buffer(tiles), tileCount: tiles.count, tileRows: tileRows,
      positions: bench.buffer(positions.map { Int32($0) }), into: out,
      shape: .init(headCount: heads, window: window, scale: scale, softCap: softCap),
      cache: .init(kvHeadCount: kvHeads, headDim: headDim, blockSize: Self.blockSize, isHalf: isHalf),
      on: bench.queue)
    return try bench.floats(out)
  }

  private func pool(
    _ elements: [Float], _ tables: [UInt32], _ layout: KVCacheLayout, offset: (Int, Int, Int) -> Int
  ) -> [Float] {
    let blockElements = layout.elementsPerBlock(layer: 0)
    var pool = [Float](repeating: .nan, count: (tables.count + 1) * blockElements)
    for token in 0..<keyCount {
      let block = Int(tables[token / Self.blockSize]) * blockElements
      for head in 0..<kvHeads {
        for i in 0..<headDim {
          pool[block + offset(head, token % Self.blockSize, i)] = elements[(token * kvHeads + head) * headDim + i]
        }
      }
    }
    return pool
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
