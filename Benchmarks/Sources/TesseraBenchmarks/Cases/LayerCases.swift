import BenchmarkReports
import TesseraCL
import TesseraOperators

extension Case {
  /// A whole layer of a Llama of 8 billion parameters for one token, behind 1,024 keys, in one launch: CPUs only.
  static func layers() -> [Case] {
    ["Q4_0", "Q4_K", "Q8_0", "F16"].compactMap { name in
      WeightFormat.allCases.first { $0.name == name }.map(layer)
    }
  }

  private static func layer(_ format: WeightFormat) -> Case {
    let keyCount = 1024
    let shapes = LayerCall.shapes.compactMap { try? WeightShape(format: format, rows: $0.rows, columns: $0.columns) }
    let weightCount = LayerCall.shapes.reduce(0) { $0 + $1.rows * $1.columns }
    let poolElements = keyCount * LayerCall.cache.kvHeadCount * LayerCall.cache.headDim
    let weightBytes = shapes.reduce(0) { $0 + $1.byteCount }
    return Case(
      id: "layer/\(format.name)/1x4096x14336/\(keyCount)", bytes: weightBytes + 2 * 4 * poolElements,
      operations: 2 * weightCount + 4 * keyCount * LayerCall.headCount * LayerCall.cache.headDim
    ) { bench in
      guard DecodeLayer.isPossible(bench.library, bench.work.heap.limits) else { return nil }
      let calls = try (0..<bench.coldCopies(bytes: weightBytes)).map { _ in
        try LayerCall(shapes, keyCount: keyCount, poolElements: poolElements, bench)
      }
      return Prepared(isCold: true) { try calls[$0 % calls.count].enqueue(on: bench) }
    }
  }
}

/// The one place that calls the launcher.
private struct LayerCall {
  static let (embedding, feedForward, headCount) = (4096, 14336, 32)
  static let cache = CacheGeometry(kvHeadCount: 8, headDim: 128, blockSize: 64, isHalf: false)
  /// Queries, keys and values; output; gates and ups; down.
  static let shapes = [
    (rows: (headCount + 2 * cache.kvHeadCount) * cache.headDim, columns: embedding),
    (rows: embedding, columns: headCount * cache.headDim), (rows: 2 * feedForward, columns: embedding),
    (rows: embedding, columns: feedForward),
  ]

  let layer: DecodeLayer
  let activations: DecodeLayer.Activations
  let keys, values: Buffer

  init(_ shapes: [WeightShape], keyCount: Int, poolElements: Int, _ bench: Bench) throws {
    guard shapes.count == Self.shapes.count else { throw BenchmarkError("the layer's shapes don't suit the type") }
    let weights = try shapes.map { try bench.weights($0, count: 1)[0] }
    let norm = try bench.floats(Self.embedding)
    layer = try DecodeLayer(
      bench.library, limits: bench.work.heap.limits,
      weights: .init(
        projections: [weights[0]], output: weights[1], gateUp: weights[2], down: weights[3], attentionNorm: norm,
        mlpNorm: norm),
      shape: .init(
        embeddingSize: Self.embedding, feedForwardSize: Self.feedForward, headCount: Self.headCount,
        rotaryDim: Self.cache.headDim, pairing: .halves, activation: .silu, epsilon: 1e-5, cache: Self.cache),
      attention: .init(headCount: Self.headCount, scale: 1 / Float(Self.cache.headDim).squareRoot()))
    let table = try RotaryTable(rotaryDim: Self.cache.headDim, ropeTheta: 500_000)
    func room(_ count: Int) throws -> Buffer { try bench.work.output(count) }
    activations = .init(
      hidden: try bench.floats(Self.embedding), normed: try room(4 * bench.profile.computeUnits * Self.embedding),
      qkv: try room(Self.shapes[0].rows), attended: try room(Self.embedding), gated: try room(Self.feedForward),
      branch: try room(Self.embedding), rotation: try bench.work.buffer(table.rows(at: [keyCount - 1])),
      slots: try bench.work.buffer([UInt32(keyCount - 1)]),
      positions: try bench.work.buffer([Int32(keyCount - 1)]),
      tables: try bench.work.buffer((0..<keyCount / Self.cache.blockSize).map { UInt32($0) }),
      counters: try Buffer(bench.queue.context, byteCount: DecodeLayer.counterBytes(bench.work.heap.limits)))
    keys = try bench.floats(poolElements)
    values = try bench.floats(poolElements)
  }

  func enqueue(on bench: Bench) throws {
    try DecodeLayer.begin(activations, on: bench.queue)
    try layer.enqueue(activations, keys: keys, values: values, index: 0, on: bench.queue)
  }
}
