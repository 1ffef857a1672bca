import BenchmarkReports
import TesseraCL
import TesseraMemory
import TesseraOperators

extension Case {
  /// Prefill and decode over lengths, groups, head sizes and types of cache; MLA's shape.
  static func attention() -> [Case] {
    let base = AttentionProblem()
    var problems: [AttentionProblem] = []
    for element in [KVEncoding.f32, .f16] {
      var problem = base
      problem.element = element
      problems += [512, 1024, 2048, 4096, 8192].map { problem.prefill($0) }
      problems += [1024, 2048, 4096, 8192, 16384, 32768].map { problem.decode($0) }
    }
    for element in [KVEncoding.q8_0, .q4_0] {
      var problem = base
      problem.element = element
      problems += [problem.prefill(2048), problem.decode(8192)]
    }
    problems += [4, 16].map { base.decode(2048, sequences: $0) }
    for kvHeadCount in [32, 4] {
      var problem = base
      problem.kvHeadCount = kvHeadCount
      problems += [problem.prefill(2048), problem.decode(8192)]
    }
    for headDim in [64, 256] {
      var problem = base
      problem.headDim = headDim
      problems += [problem.prefill(2048), problem.decode(8192)]
    }
    // DeepSeek-V2-Lite's 16 heads over one latent.
    var latent = base
    (latent.headCount, latent.kvHeadCount, latent.headDim, latent.sharedValueDim) = (16, 1, 576, 512)
    problems += [latent.prefill(512), latent.decode(8192)]
    return problems.map(\.asCase)
  }
}

/// Attention of a prompt, or of one new token of each of some sequences.
private struct AttentionProblem {
  var headCount = 32
  var kvHeadCount = 8
  var headDim = 128
  var element = KVEncoding.f32
  /// Of values that are the keys' first elements.
  var sharedValueDim: Int?
  var isPrefill = true
  var keyCount = 0
  var sequenceCount = 1

  static let blockSize = 64

  func prefill(_ count: Int) -> AttentionProblem {
    var problem = self
    (problem.isPrefill, problem.keyCount) = (true, count)
    return problem
  }

  func decode(_ count: Int, sequences: Int = 1) -> AttentionProblem {
    var problem = self
    (problem.isPrefill, problem.keyCount, problem.sequenceCount) = (false, count, sequences)
    return problem
  }

  var valueDim: Int { sharedValueDim ?? headDim }
  /// Bytes that a key or value head of one token takes.
  var headBytes: Int { headDim / element.blockElements * element.blockBytes }
  var tokenCount: Int { sequenceCount * (isPrefill ? keyCount : 1) }
  var poolBytes: Int { sequenceCount * keyCount * kvHeadCount * headBytes }

  private var id: String {
    "attention/\(isPrefill ? "prefill" : "decode")/\(headCount)x\(kvHeadCount)x\(headDim)"
      + (sharedValueDim.map { "/\($0)" } ?? "") + "/\(element.rawValue.uppercased())/" + "\(keyCount)"
      + (sequenceCount > 1 ? "x\(sequenceCount)" : "")
  }

  /// Pairs of a query and a key that it sees.
  private var pairs: Int { isPrefill ? keyCount * (keyCount + 1) / 2 : keyCount * sequenceCount }

  private var points: [CaseMeasurement.Point] {
    var points: [CaseMeasurement.Point] = []
    let cache = "\(element.rawValue.uppercased()) cache"
    let isUsual = kvHeadCount == 8 && headDim == 128
    if isUsual, sequenceCount == 1 {
      points.append(.init(isPrefill ? "prefill" : "decode", series: cache, x: Double(keyCount)))
    }
    if isUsual, !isPrefill, keyCount == 2048, element == .f32 {
      points.append(.init("decode-batch", series: cache, x: Double(sequenceCount)))
    }
    if !isPrefill, keyCount == 8192, headDim == 128, element == .f32 {
      points.append(.init("groups", series: cache, x: Double(headCount / kvHeadCount)))
    }
    return points
  }

  var asCase: Case {
    Case(
      id: id,
      bytes: (sharedValueDim == nil ? 2 : 1) * poolBytes + 4 * tokenCount * headCount * (headDim + valueDim),
      operations: 2 * pairs * headCount * (headDim + valueDim),
      isQuick: sequenceCount == 1 && kvHeadCount == 8 && headDim == 128 && keyCount == (isPrefill ? 512 : 1024),
      points: points
    ) { bench in
      // A prompt's keys and values were just written; those of an old sequence come from memory.
      let calls = try (0..<(isPrefill ? 1 : bench.coldCopies(bytes: 2 * poolBytes))).map { _ in
        try AttentionCall(self, bench)
      }
      return Case.Prepared(isCold: !isPrefill) { try calls[$0 % calls.count].enqueue(on: bench) }
    }
  }
}

/// The one place that calls the launcher.
private struct AttentionCall {
  let attention: FlashAttention
  let problem: AttentionProblem
  let q, keys, values, tables, tiles, positions, out: Buffer
  let split: FlashAttention.Split?
  let tileCount, tileRows, blockCount: Int

  init(_ problem: AttentionProblem, _ bench: Bench) throws {
    self.problem = problem
    attention = FlashAttention(bench.library, tiles: try bench.work.plan(headDim: problem.headDim).attention)
    let queryCount = problem.isPrefill ? problem.keyCount : 1
    tileRows = attention.tileRows(
      longest: queryCount, headCount: problem.headCount, kvHeadCount: problem.kvHeadCount)
    let blocks = (problem.keyCount + AttentionProblem.blockSize - 1) / AttentionProblem.blockSize
    var tiles: [FlashAttention.Tile] = []
    for sequence in 0..<problem.sequenceCount {
      for first in stride(from: 0, to: queryCount, by: tileRows) {
        tiles.append(
          .init(
            firstToken: sequence * queryCount + first, count: min(tileRows, queryCount - first),
            tableOffset: sequence * blocks))
      }
    }
    tileCount = tiles.count
    self.tiles = try bench.work.buffer(tiles)
    blockCount = blocks * problem.sequenceCount
    tables = try bench.work.buffer((0..<blockCount).map { UInt32($0) })
    positions = try bench.work.buffer(
      (0..<problem.tokenCount).map { Int32(problem.isPrefill ? $0 : problem.keyCount - 1) })
    let width = problem.headCount * problem.headDim
    q = try bench.floats(problem.tokenCount * width)
    out = try bench.work.output(problem.tokenCount * problem.headCount * problem.valueDim)
    keys = try bench.pattern(byteCount: problem.poolBytes, isHalf: problem.element != .f32)
    values =
      problem.sharedValueDim == nil
      ? try bench.pattern(byteCount: problem.poolBytes, isHalf: problem.element != .f32) : keys
    let splits = attention.splitCount(
      tileCount: tileCount, longest: problem.keyCount, kvHeadCount: problem.kvHeadCount)
    split =
      problem.isPrefill || splits == 1
      ? nil
      : FlashAttention.Split(
        count: splits, tokens: problem.tokenCount, longest: problem.keyCount,
        partials: try bench.work.output(
          FlashAttention.partialBytes(
            tokens: problem.tokenCount, headCount: problem.headCount, valueDim: problem.valueDim,
            longest: problem.keyCount) / 4))
  }

  func enqueue(on bench: Bench) throws {
    try attention.enqueue(
      q: q, qStride: problem.headCount * problem.headDim, keys: keys, values: values, tables: tables, tiles: tiles,
      tileCount: tileCount, tileRows: tileRows, positions: positions, into: out,
      shape: .init(headCount: problem.headCount, scale: 1 / Float(problem.headDim).squareRoot()),
      cache: .init(
        kvHeadCount: problem.kvHeadCount, headDim: problem.headDim, valueDim: problem.valueDim,
        blockCount: blockCount, blockSize: AttentionProblem.blockSize, keys: problem.element,
        sharesValues: problem.sharedValueDim != nil),
      split: split, on: bench.queue)
  }
}
