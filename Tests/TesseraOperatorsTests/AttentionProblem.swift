import TesseraCL
import TesseraMemory
import TesseraReference

@testable import TesseraOperators

/// A ragged batch of random sequences, and how to attend to it here and there.
struct AttentionProblem: CustomStringConvertible {
  /// New tokens behind tokens whose keys are cached.
  struct Sequence {
    var history: Int
    var count: Int
    /// Positions of the new tokens; consecutive by default.
    var positions: [Int]
    var keys: [Float] = []
    var values: [Float] = []
    var queries: [Float] = []

    var keyCount: Int { history + count }

    init(history: Int = 0, count: Int, positions: [Int]? = nil) {
      (self.history, self.count) = (history, count)
      self.positions = positions ?? Array(history..<history + count)
    }
  }

  let shape: FlashAttention.Shape
  let cache: CacheGeometry
  private(set) var sequences: [Sequence]

  init(
    heads: Int, kvHeads: Int, headDim: Int, window: Int? = nil, softCap: Float? = nil, blockSize: Int = 16,
    isHalf: Bool = false, sequences: [Sequence]
  ) {
    shape = FlashAttention.Shape(
      headCount: heads, window: window, scale: Float(1 / Double(headDim).squareRoot()), softCap: softCap)
    cache = CacheGeometry(kvHeadCount: kvHeads, headDim: headDim, blockSize: blockSize, isHalf: isHalf)
    var generator = SeededGenerator(seed: 41)
    self.sequences = sequences.map { sequence in
      var sequence = sequence
      let kvCount = sequence.keyCount * kvHeads * headDim
      func stored(_ values: [Float]) -> [Float] {
        isHalf ? values.map { ReferenceHalf.float(fromHalf: ReferenceHalf.half(fromFloat: $0)) } : values
      }
      // Scores have a deviation of about 2, so that some keys matter more than others.
      sequence.keys = stored(generator.floats(kvCount, magnitude: 2))
      sequence.values = stored(generator.floats(kvCount))
      sequence.queries = generator.floats(sequence.count * heads * headDim, magnitude: 3)
      return sequence
    }
  }

  var description: String {
    "\(shape.headCount)/\(cache.kvHeadCount) heads of \(cache.headDim), window \(shape.window ?? 0), cap "
      + "\(shape.softCap ?? 0), blocks of \(cache.blockSize), \(cache.isHalf ? "F16" : "F32") cache"
  }

  /// What the new tokens attend to, and the same with the values' magnitudes: (tokens, heads, headDim) each.
  func reference() throws -> (out: [Float], magnitude: [Float]) {
    let attention = ReferenceAttention(
      headCount: shape.headCount, kvHeadCount: cache.kvHeadCount, headDim: cache.headDim, scale: shape.scale,
      window: shape.window, softCap: shape.softCap)
    var (out, magnitude): ([Float], [Float]) = ([], [])
    for sequence in sequences {
      for isMagnitude in [false, true] {
        let result = try attention.attend(
          queries: sequence.queries, keys: sequence.keys,
          values: isMagnitude ? sequence.values.map(abs) : sequence.values, queryPositions: sequence.positions,
          keyCount: sequence.keyCount)
        if isMagnitude { magnitude += result } else { out += result }
      }
    }
    return (out, magnitude)
  }

  /// The step that computes the token at `position` of a single sequence: later keys are not cached yet.
  func token(at position: Int) -> AttentionProblem {
    var step = self
    step.sequences = sequences.map { sequence in
      let width = shape.headCount * cache.headDim
      let kvCount = (position + 1) * cache.kvHeadCount * cache.headDim
      var token = Sequence(history: position, count: 1)
      token.keys = Array(sequence.keys[..<kvCount])
      token.values = Array(sequence.values[..<kvCount])
      token.queries = Array(sequence.queries[position * width..<(position + 1) * width])
      return token
    }
    return step
  }

  mutating func scaleQueries(by factor: Float) {
    for i in sequences.indices { sequences[i].queries = sequences[i].queries.map { $0 * factor } }
  }

  /// The device's attention.
  ///
  /// - Parameters:
  ///   - chunk: the most queries in a tile; by default what the launcher says.
  ///   - isOneByOne: each query is a tile of its own, as in a decode step.
  func run(chunk: Int? = nil, isOneByOne: Bool = false, on bench: Bench) throws -> [Float] {
    let attention = FlashAttention(bench.library, tiles: try bench.plan(headDim: cache.headDim).attention)
    let longest = sequences.map(\.count).max() ?? 1
    let tileRows = attention.tileRows(
      longest: isOneByOne ? 1 : max(longest, 2), headCount: shape.headCount, kvHeadCount: cache.kvHeadCount)
    let step = isOneByOne ? 1 : min(chunk ?? tileRows, tileRows)
    let (tables, keys, values) = try pools(on: bench)

    var tiles: [FlashAttention.Tile] = []
    var (firstToken, tableOffset) = (0, 0)
    for sequence in sequences {
      for start in stride(from: 0, to: sequence.count, by: step) {
        tiles.append(
          .init(
            firstToken: firstToken + start, count: min(step, sequence.count - start), tableOffset: tableOffset))
      }
      firstToken += sequence.count
      tableOffset += blockCount(sequence)
    }
    // Queries lie in wider rows, with keys and values behind them.
    let width = shape.headCount * cache.headDim
    let gap = [Float](repeating: .nan, count: 2 * cache.kvHeadCount * cache.headDim)
    var q: [Float] = []
    for sequence in sequences {
      for token in 0..<sequence.count { q += sequence.queries[token * width..<(token + 1) * width] + gap }
    }
    let out = try bench.output(firstToken * width)
    try attention.enqueue(
      q: bench.buffer(q), qStride: width + gap.count, keys: keys, values: values, tables: bench.buffer(tables),
      tiles: bench.buffer(tiles), tileCount: tiles.count, tileRows: tileRows,
      positions: bench.buffer(sequences.flatMap(\.positions).map { Int32($0) }), into: out, shape: shape, cache: cache,
      on: bench.queue)
    return try bench.floats(out)
  }

  private func blockCount(_ sequence: Sequence) -> Int {
    (sequence.keyCount + cache.blockSize - 1) / cache.blockSize
  }

  /// The block tables, and pools that hold the sequences' keys and values in shuffled blocks and NaN elsewhere.
  private func pools(on bench: Bench) throws -> (tables: [UInt32], keys: Buffer, values: Buffer) {
    let layout = try KVCacheLayout(
      layerCount: 1, kvHeadCount: cache.kvHeadCount, headDim: cache.headDim, blockSize: cache.blockSize)
    let blocks = sequences.reduce(0) { $0 + blockCount($1) }
    var generator = SeededGenerator(seed: 42)
    let tables = (0..<UInt32(blocks + 2)).shuffled(using: &generator).prefix(blocks)
    let elements = (blocks + 2) * layout.elementsPerBlock(layer: 0)
    var keys = [Float](repeating: .nan, count: elements)
    var values = keys
    var tableOffset = 0
    for sequence in sequences {
      for token in 0..<sequence.keyCount {
        let block = Int(tables[tableOffset + token / cache.blockSize]) * layout.elementsPerBlock(layer: 0)
        for kvHead in 0..<cache.kvHeadCount {
          let from = (token * cache.kvHeadCount + kvHead) * cache.headDim
          let offset = token % cache.blockSize
          let key = block + layout.keyOffset(kvHead: kvHead, token: offset, element: 0)
          let value = block + layout.valueOffset(kvHead: kvHead, token: offset, element: 0)
          for i in 0..<cache.headDim {
            keys[key + i * KVCacheLayout.tokenGroup] = sequence.keys[from + i]
            values[value + i] = sequence.values[from + i]
          }
        }
      }
      tableOffset += blockCount(sequence)
    }
    guard cache.isHalf else { return (Array(tables), try bench.buffer(keys), try bench.buffer(values)) }
    return (
      Array(tables), try bench.buffer(keys.map { ReferenceHalf.half(fromFloat: $0) }),
      try bench.buffer(values.map { ReferenceHalf.half(fromFloat: $0) })
    )
  }
}
