import Foundation
import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference

/// A ragged batch of random sequences, and how to attend to it here and there.
package struct AttentionProblem: CustomStringConvertible {
  /// New tokens behind tokens whose keys are cached.
  package struct Sequence {
    package var history: Int
    package var count: Int
    /// Positions of the new tokens; consecutive by default.
    package var positions: [Int]
    package var keys: [Float] = []
    package var values: [Float] = []
    package var queries: [Float] = []

    package var tree: ReferenceAttention.Tree?

    package var keyCount: Int { history + count }

    /// Gives each new token a random parent among those before it, or the history; positions become depths.
    package mutating func growTree(using generator: inout SeededGenerator) {
      var masks: [[Bool]] = []
      for token in 0..<count {
        let parent = Int.random(in: -1..<max(0, token), using: &generator)
        var mask = parent >= 0 ? masks[parent] : [Bool](repeating: false, count: count)
        mask[token] = true
        masks.append(mask)
      }
      tree = .init(start: history, masks: masks)
      positions = masks.map { history - 1 + $0.count { $0 } }
    }

    package init(history: Int = 0, count: Int, positions: [Int]? = nil) {
      (self.history, self.count) = (history, count)
      self.positions = positions ?? Array(history..<history + count)
    }
  }

  package let shape: FlashAttention.Shape
  /// How each block lies; there are as many as `pools` makes.
  package let cache: CacheGeometry
  package private(set) var sequences: [Sequence]
  /// ALiBi's slopes and learned sinks, (heads), where there are any.
  private var slopes: [Float]?
  private var sinks: [Float]?
  /// T5's bias, (heads, 2 · reach + 1).
  private var bias: [Float]?
  private static let biasReach = 9

  package init(
    heads: Int, kvHeads: Int, headDim: Int, valueDim: Int? = nil, mask: FlashAttention.Mask = .causal,
    window: Int? = nil, sinkKeys: Int = 0, softCap: Float? = nil, hasSlopes: Bool = false, hasSinks: Bool = false,
    hasBias: Bool = false, blockSize: Int = 16, keys: KVEncoding = .f32, values: KVEncoding? = nil,
    sharesValues: Bool = false, sequences: [Sequence]
  ) {
    shape = FlashAttention.Shape(
      headCount: heads, mask: mask, window: window, sinkKeys: sinkKeys, scale: Float(1 / Double(headDim).squareRoot()),
      softCap: softCap)
    cache = CacheGeometry(
      kvHeadCount: kvHeads, headDim: headDim, valueDim: valueDim, blockCount: 0, blockSize: blockSize,
      keys: keys, values: values, sharesValues: sharesValues)
    let valueDim = cache.resultDim
    if hasSlopes { slopes = (1...heads).map { exp2(-8 * Float($0) / Float(heads)) } }
    var generator = SeededGenerator(seed: 41)
    if hasSinks { sinks = generator.floats(heads, magnitude: 4) }
    if hasBias { bias = generator.floats(heads * (2 * Self.biasReach + 1), magnitude: 2) }
    self.sequences = sequences.map { sequence in
      var sequence = sequence
      // Scores have a deviation of about 2, so that some keys matter more than others.
      sequence.keys = generator.floats(sequence.keyCount * kvHeads * headDim, magnitude: 2)
      sequence.values = generator.floats(sequence.keyCount * kvHeads * valueDim)
      if sharesValues {
        sequence.values = (0..<sequence.keyCount * kvHeads).flatMap {
          sequence.keys[$0 * headDim..<$0 * headDim + valueDim]
        }
      }
      sequence.queries = generator.floats(sequence.count * heads * headDim, magnitude: 3)
      if case .tree = mask { sequence.growTree(using: &generator) }
      return sequence
    }
  }

  package var description: String {
    "\(shape.headCount)/\(cache.kvHeadCount) heads of \(cache.queryDim) and \(cache.resultDim), \(shape.mask), window "
      + "\(shape.window ?? 0), \(shape.sinkKeys) sinks, cap \(shape.softCap ?? 0), ALiBi \(slopes != nil), learned sinks "
      + "\(sinks != nil), bias \(bias != nil), blocks of \(cache.blockSize), \(cache.keys.rawValue) keys, "
      + "\(cache.values.rawValue) values"
  }

  /// What the new tokens attend to and the same with the values' magnitudes, (tokens, heads, valueDim) each, and
  /// (tokens, heads) logarithms of their sums.
  ///
  /// - Parameter isRounded: whether keys and values are rounded as the cache does.
  package func reference(isRounded: Bool = true) throws -> (out: [Float], magnitude: [Float], logSums: [Float]) {
    var attention = ReferenceAttention(
      headCount: shape.headCount, kvHeadCount: cache.kvHeadCount, headDim: cache.queryDim,
      valueDim: cache.resultDim, scale: shape.scale, isCausal: shape.mask != .full, window: shape.window,
      softCap: shape.softCap)
    (attention.sinkKeys, attention.slopes, attention.sinks) = (shape.sinkKeys, slopes, sinks)
    attention.bias = bias
    var (out, magnitude, logSums): ([Float], [Float], [Float]) = ([], [], [])
    for sequence in sequences {
      let keys = isRounded ? rounded(sequence).keys : sequence.keys
      let values = isRounded ? rounded(sequence).values : sequence.values
      for isMagnitude in [false, true] {
        let result = try attention.attendWithSums(
          queries: sequence.queries, keys: keys, values: isMagnitude ? values.map(abs) : values,
          queryPositions: sequence.positions, keyCount: sequence.keyCount, tree: sequence.tree)
        if isMagnitude {
          magnitude += result.out
        } else {
          out += result.out
          logSums += result.logSums
        }
      }
    }
    return (out, magnitude, logSums)
  }

  /// A sequence's keys and values as the cache rounds them.
  private func rounded(_ sequence: Sequence) -> (keys: [Float], values: [Float]) {
    let keys = ReferenceCacheType(cache.keys).rounded(sequence.keys, headDim: cache.queryDim)
    guard !cache.sharesValues else {
      return (
        keys,
        stride(from: 0, to: keys.count, by: cache.queryDim).flatMap { keys[$0..<$0 + cache.resultDim] }
      )
    }
    return (keys, ReferenceCacheType(cache.values).rounded(sequence.values, headDim: cache.resultDim))
  }

  /// The step that computes the token at `position` of a single sequence: later keys are not cached yet.
  package func token(at position: Int) -> AttentionProblem {
    var step = self
    step.sequences = sequences.map { sequence in
      let width = shape.headCount * cache.queryDim
      var token = Sequence(history: position, count: 1)
      token.keys = Array(sequence.keys[..<((position + 1) * cache.kvHeadCount * cache.queryDim)])
      token.values = Array(sequence.values[..<((position + 1) * cache.kvHeadCount * cache.resultDim)])
      token.queries = Array(sequence.queries[position * width..<(position + 1) * width])
      return token
    }
    return step
  }

  /// A single token's step that sees only the first `keyCount` keys, and of those the last `window`.
  package func part(window: Int?, keyCount: Int) -> AttentionProblem {
    var problem = AttentionProblem(
      heads: shape.headCount, kvHeads: cache.kvHeadCount, headDim: cache.queryDim, window: window, sequences: [])
    problem.sequences = sequences.map { sequence in
      var part = Sequence(history: keyCount - 1, count: 1)
      part.keys = Array(sequence.keys.prefix(keyCount * cache.kvHeadCount * cache.queryDim))
      part.values = Array(sequence.values.prefix(keyCount * cache.kvHeadCount * cache.resultDim))
      part.queries = sequence.queries
      return part
    }
    return problem
  }

  /// Each sequence alone.
  package var alone: [AttentionProblem] {
    sequences.map { sequence in
      var problem = self
      problem.sequences = [sequence]
      return problem
    }
  }

  /// The same in blocks of another size, in an F32 cache that holds what this one's rounds to.
  package func stored(blockSize: Int, asFloats: Bool = false) -> AttentionProblem {
    var problem = AttentionProblem(
      heads: shape.headCount, kvHeads: cache.kvHeadCount, headDim: cache.queryDim, valueDim: cache.resultDim,
      mask: shape.mask, window: shape.window, sinkKeys: shape.sinkKeys, softCap: shape.softCap, blockSize: blockSize,
      keys: asFloats ? .f32 : cache.keys, values: asFloats ? .f32 : cache.values, sharesValues: cache.sharesValues,
      sequences: [])
    (problem.slopes, problem.sinks, problem.bias, problem.sequences) = (slopes, sinks, bias, sequences)
    if asFloats {
      for i in sequences.indices {
        (problem.sequences[i].keys, problem.sequences[i].values) = rounded(sequences[i])
      }
    }
    return problem
  }

  package mutating func scaleQueries(by factor: Float) {
    for i in sequences.indices { sequences[i].queries = sequences[i].queries.map { $0 * factor } }
  }

  /// The device's attention.
  ///
  /// - Parameters:
  ///   - chunk: the most queries in a tile; by default what the launcher says.
  ///   - isOneByOne: each query is a tile of its own, as in a decode step.
  ///   - splits: work-items that share a tile's keys.
  ///   - givesBack: blocks that are behind every window are in no table.
  ///   - tensor: how the device sums in fast mode.
  package func run(
    chunk: Int? = nil, isOneByOne: Bool = false, splits: Int? = nil, givesBack: Bool = false,
    tuning: Tuning = Tuning(), tensor: IntegerDot? = nil, on bench: Workbench
  ) throws -> [Float] {
    try runWithSums(
      chunk: chunk, isOneByOne: isOneByOne, splits: splits, givesBack: givesBack, wantsSums: false, tuning: tuning,
      tensor: tensor, on: bench
    ).out
  }

  package func runWithSums(
    chunk: Int? = nil, isOneByOne: Bool = false, splits: Int? = nil, givesBack: Bool = false, wantsSums: Bool = true,
    tuning: Tuning = Tuning(), tensor: IntegerDot? = nil, on bench: Workbench
  ) throws -> (out: [Float], logSums: [Float]) {
    let command = try command(
      chunk: chunk, isOneByOne: isOneByOne, splits: splits, givesBack: givesBack, wantsSums: wantsSums, tuning: tuning,
      tensor: tensor, on: bench)
    try command.enqueue(on: bench.queue)
    return (try bench.floats(command.out), try command.logSums.map { try bench.floats($0) } ?? [])
  }

  /// An attention whose inputs are on the device.
  package struct Command {
    package let out: Buffer
    package let logSums: Buffer?
    fileprivate let run: (any CommandSink) throws -> Void

    package func enqueue(on sink: any CommandSink) throws { try run(sink) }
  }

  package func command(
    chunk: Int? = nil, isOneByOne: Bool = false, splits: Int? = nil, givesBack: Bool = false, wantsSums: Bool = true,
    tuning: Tuning = Tuning(), tensor: IntegerDot? = nil, on bench: Workbench
  ) throws -> Command {
    let attention = FlashAttention(
      bench.library, tiles: try bench.plan(headDim: cache.queryDim, tuning: tuning).attention, tensor: tensor)
    let longest = sequences.map(\.count).max() ?? 1
    let tileRows = attention.tileRows(
      longest: isOneByOne ? 1 : max(longest, 2), headCount: shape.headCount, kvHeadCount: cache.kvHeadCount)
    let step = isOneByOne ? 1 : min(chunk ?? tileRows, tileRows)
    var (cache, tables, keys, values) = try pools(on: bench)

    var tiles: [FlashAttention.Tile] = []
    var (firstToken, tableOffset) = (0, 0)
    let allTables = tables
    if givesBack { tables = [] }
    for sequence in sequences {
      var offset = tableOffset
      if givesBack, let window = shape.window, let first = sequence.positions.min() {
        let gone = max(0, first - window + 1) / cache.blockSize
        offset = tables.count - gone
        tables += allTables[tableOffset + gone..<tableOffset + blockCount(sequence)]
      }
      for start in stride(from: 0, to: sequence.count, by: step) {
        tiles.append(
          .init(
            firstToken: firstToken + start, count: min(step, sequence.count - start), tableOffset: offset,
            keyCount: shape.mask == .full ? sequence.keyCount : sequence.history))
      }
      firstToken += sequence.count
      tableOffset += blockCount(sequence)
    }
    // Queries lie in wider rows, with keys and values behind them.
    let width = shape.headCount * cache.queryDim
    let gap = [Float](repeating: .nan, count: 2 * cache.kvHeadCount * cache.queryDim)
    var q: [Float] = []
    for sequence in sequences {
      for token in 0..<sequence.count { q += sequence.queries[token * width..<(token + 1) * width] + gap }
    }
    let out = try bench.output(firstToken * shape.headCount * cache.resultDim)
    var extras = FlashAttention.Extras()
    extras.slopes = try slopes.map { try bench.buffer($0) }
    extras.sinks = try sinks.map { try bench.buffer($0) }
    extras.bias = try bias.map { .init(table: try bench.buffer($0), reach: Self.biasReach) }
    if case .tree(let words) = shape.mask { extras.treeMasks = try bench.buffer(treeMasks(words: words)) }
    let logSums = wantsSums ? try bench.output(firstToken * shape.headCount) : nil
    extras.logSums = logSums
    let split = try splits.map { count in
      let longest = sequences.map(\.keyCount).max() ?? 1
      let bytes = FlashAttention.partialBytes(
        tokens: firstToken, headCount: shape.headCount, valueDim: cache.valueDim, longest: longest)
      return FlashAttention.Split(
        count: count, tokens: firstToken, longest: longest, partials: try bench.output(bytes / 4))
    }
    let (queries, qStride) = (try bench.buffer(q), width + gap.count)
    let (tableBuffer, tileBuffer, tileCount) = (try bench.buffer(tables), try bench.buffer(tiles), tiles.count)
    let positions = try bench.buffer(sequences.flatMap(\.positions).map { Int32($0) })
    let (keyBuffer, valueBuffer, geometry, inputs) = (keys, values, cache, extras)
    func run(_ sink: any CommandSink) throws {
      try attention.enqueue(
        q: queries, qStride: qStride, keys: keyBuffer, values: valueBuffer, tables: tableBuffer, tiles: tileBuffer,
        tileCount: tileCount, tileRows: tileRows, positions: positions, into: out, shape: shape, cache: geometry,
        extras: inputs, split: split, on: sink)
    }
    return Command(out: out, logSums: logSums, run: run)
  }

  private func treeMasks(words: Int) -> [UInt32] {
    sequences.flatMap { $0.tree?.masks ?? [] }.flatMap { mask in
      (0..<words).map { word in
        mask.dropFirst(word * 32).prefix(32).enumerated().reduce(0) { $0 | ($1.element ? 1 << UInt32($1.offset) : 0) }
      }
    }
  }

  private func blockCount(_ sequence: Sequence) -> Int {
    (sequence.keyCount + cache.blockSize - 1) / cache.blockSize
  }

  /// The block tables, and pools that hold the sequences' keys and values in shuffled blocks, and NaN elsewhere where
  /// the type has one.
  private func pools(
    on bench: Workbench
  ) throws -> (cache: CacheGeometry, tables: [UInt32], keys: Buffer, values: Buffer) {
    let blocks = sequences.reduce(0) { $0 + blockCount($1) }
    var cache = cache
    cache.blockCount = blocks + 2
    var generator = SeededGenerator(seed: 42)
    let tables = Array((0..<UInt32(cache.blockCount)).shuffled(using: &generator).prefix(blocks))
    let keys = try bench.buffer(pool(tables, cache.blockCount, isKeys: true, style: bench.library.style))
    if cache.sharesValues { return (cache, tables, keys, keys) }
    return (
      cache, tables, keys, try bench.buffer(pool(tables, cache.blockCount, isKeys: false, style: bench.library.style))
    )
  }

  /// The bytes of `blockCount` blocks of keys or values.
  private func pool(_ tables: [UInt32], _ blockCount: Int, isKeys: Bool, style: KernelStyle) throws -> [UInt8] {
    let size = isKeys ? cache.queryDim : cache.resultDim
    let packing = CachePacking(
      element: isKeys ? cache.keys : cache.values, size: isKeys ? cache.headDim : cache.valueDim, isKeys: isKeys,
      style: style)
    let groupBytes = packing.groupBytes
    let kvHeads = cache.kvHeadCount
    var bytes = [UInt8](repeating: 0xff, count: blockCount * kvHeads * cache.blockSize / 16 * groupBytes)
    var tableOffset = 0
    for sequence in sequences {
      for token in 0..<sequence.keyCount {
        let block = Int(tables[tableOffset + token / cache.blockSize])
        for head in 0..<kvHeads {
          let from = (token * kvHeads + head) * size
          let group = (head * blockCount + block) * (cache.blockSize / 16) + token % cache.blockSize / 16
          packing.store(
            Array((isKeys ? sequence.keys : sequence.values)[from..<from + size]), token: token % 16, in: &bytes,
            at: group * groupBytes)
        }
      }
      tableOffset += self.blockCount(sequence)
    }
    return bytes
  }
}
