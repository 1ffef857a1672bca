import BenchmarkReports
import TesseraCL
import TesseraMemory
import TesseraOperators

extension Case {
  /// A whole layer of a Llama of 8 billion parameters for one token, behind 1,024 keys: recorded and run in one launch
  /// where the device allows it, else launch by launch.
  static func layers() -> [Case] {
    ["Q4_0", "Q4_K", "Q8_0", "F16"].compactMap { name in
      WeightFormat.allCases.first { $0.name == name }.map(layer)
    }
  }

  private static func layer(_ format: WeightFormat) -> Case {
    let shapes = LayerCall.shapes.compactMap { try? WeightShape(format: format, rows: $0.rows, columns: $0.columns) }
    let weightCount = LayerCall.shapes.reduce(0) { $0 + $1.rows * $1.columns }
    let weightBytes = shapes.reduce(0) { $0 + $1.byteCount }
    let cache = LayerCall.cache
    return Case(
      id: "layer/\(format.name)/1x4096x14336/\(LayerCall.keyCount)", bytes: weightBytes + 2 * LayerCall.poolBytes,
      operations: 2 * weightCount + 4 * LayerCall.keyCount * LayerCall.headCount * cache.headDim
    ) { bench in
      let calls = try (0..<bench.coldCopies(bytes: weightBytes)).map { _ in try LayerCall(shapes, bench) }
      return Prepared(isCold: true) { try calls[$0 % calls.count].run() }
    }
  }
}

/// The one place that calls the launchers.
private struct LayerCall {
  static let (embedding, feedForward, headCount, keyCount) = (4096, 14336, 32, 1024)
  static let cache = CacheGeometry(
    kvHeadCount: 8, headDim: 128, blockCount: keyCount / 64, blockSize: 64)
  static let poolBytes = keyCount * cache.kvHeadCount * cache.headDim * 4
  /// Queries, keys and values; output; gates and ups; down.
  static let shapes = [
    (rows: (headCount + 2 * cache.kvHeadCount) * cache.headDim, columns: embedding),
    (rows: embedding, columns: headCount * cache.headDim), (rows: 2 * feedForward, columns: embedding),
    (rows: embedding, columns: feedForward),
  ]

  private let bench: Bench
  private let weights: [WeightMatrix]
  private let normWeight, keys, values: DeviceAllocation
  private let hidden, normed, qkv, attended, gated, rotation, slots, positions, tables, tiles: DeviceAllocation
  private let packed, sums: DeviceAllocation
  private let product: MatrixProduct
  private let attention: FlashAttention
  /// nil where the layer runs launch by launch.
  private var program: StepProgram?

  init(_ shapes: [WeightShape], _ bench: Bench) throws {
    typealias Workspace = MatrixProduct.Workspace
    guard shapes.count == Self.shapes.count else { throw BenchmarkError("the layer's shapes don't suit the type") }
    self.bench = bench
    let (heap, queue) = (bench.work.heap, bench.queue)
    func slab(_ byteCount: Int, _ label: String) throws -> DeviceSlab {
      guard let slab = try DeviceSlab(heap, byteCount: byteCount, purpose: .other, label: label) else {
        throw BenchmarkError("the device does not allow a buffer of \(byteCount) bytes")
      }
      return slab
    }
    let weightSlab = try slab(shapes.reduce(1 << 20) { $0 + $1.byteCount }, "weights")
    weights = try shapes.map { shape in
      let matrix = try WeightMatrix(shape, weightSlab.allocate(byteCount: shape.byteCount, label: "weights"))
      try bench.fill(matrix)
      return matrix
    }
    let cacheSlab = try slab(2 * Self.poolBytes, "cache")
    let arena = try slab(4 << 20, "arena")
    func filled(_ slab: DeviceSlab, floats count: Int) throws -> DeviceAllocation {
      let piece = try slab.allocate(byteCount: count * 4, label: "floats")
      try queue.copy(from: bench.floats(count), to: piece.buffer, byteCount: count * 4)
      return piece
    }
    func written<T: BitwiseCopyable>(_ values: [T]) throws -> DeviceAllocation {
      let piece = try arena.allocate(byteCount: values.count * MemoryLayout<T>.stride, label: "inputs")
      try queue.write(values, to: piece.buffer)
      return piece
    }
    normWeight = try filled(weightSlab, floats: Self.embedding)
    keys = try filled(cacheSlab, floats: Self.poolBytes / 4)
    values = try filled(cacheSlab, floats: Self.poolBytes / 4)
    hidden = try filled(arena, floats: Self.embedding)
    normed = try filled(arena, floats: Self.embedding)
    qkv = try filled(arena, floats: Self.shapes[0].rows)
    attended = try filled(arena, floats: Self.embedding)
    gated = try filled(arena, floats: Self.feedForward)
    packed = try arena.allocate(
      byteCount: Workspace.packedBytes(tokens: 1, columns: Self.feedForward), label: "packed")
    sums = try arena.allocate(byteCount: Workspace.sumBytes(tokens: 1, columns: Self.feedForward), label: "sums")
    let table = try RotaryTable(rotaryDim: Self.cache.headDim, ropeTheta: 500_000)
    rotation = try written(table.rows(at: 0..<Self.keyCount))
    slots = try written([UInt32(Self.keyCount - 1)])
    positions = try written([Int32(Self.keyCount - 1)])
    tables = try written((0..<Self.keyCount / Self.cache.blockSize).map { UInt32($0) })
    tiles = try written([FlashAttention.Tile(firstToken: 0, count: 1, tableOffset: 0)])
    let plan = try bench.work.plan(headDim: Self.cache.headDim)
    product = MatrixProduct(bench.library, tiles: plan.matrix)
    attention = FlashAttention(bench.library, tiles: plan.attention)
    program = nil
    if StepProgram.isPossible(bench.library) {
      let commands = DispatchList()
      try enqueue(on: commands)
      program = try StepProgram(commands.dispatches, bench.library, heap: heap, queue: queue)
    }
  }

  func run() throws {
    if let program { try program.run() } else { try enqueue(on: bench.queue) }
  }

  private func enqueue(on target: some CommandSink) throws {
    let cache = Self.cache
    try normedProduct(weights[0], into: qkv, on: target)
    try RotaryStore(bench.library).enqueue(
      qkv.buffer, rotation: .init(rotation.buffer, at: positions.buffer), slots: slots.buffer, keys: keys.buffer,
      values: values.buffer,
      tokens: 1, headCount: Self.headCount, rotaryDim: cache.headDim, pairing: .neox, cache: cache, on: target)
    try attention.enqueue(
      q: qkv.buffer, qStride: Self.shapes[0].rows, keys: keys.buffer, values: values.buffer, tables: tables.buffer,
      tiles: tiles.buffer, tileCount: 1, tileRows: 1, positions: positions.buffer,
      into: attended.buffer,
      shape: .init(headCount: Self.headCount, scale: 1 / Float(cache.headDim).squareRoot()), cache: cache, on: target)
    try product.enqueue(
      attended.buffer, weights[1], into: hidden.buffer, tokens: 1, epilogue: .init(residual: hidden.buffer),
      workspace: workspace, on: target)
    try normedProduct(weights[2], into: gated, gate: .silu, on: target)
    try product.enqueue(
      gated.buffer, weights[3], into: hidden.buffer, tokens: 1, epilogue: .init(residual: hidden.buffer),
      workspace: workspace, on: target)
  }

  private var workspace: MatrixProduct.Workspace { .init(packed: packed.buffer, sums: sums.buffer) }

  private func normedProduct(
    _ matrix: WeightMatrix, into y: DeviceAllocation, gate: Activation.Function? = nil,
    on target: some CommandSink
  ) throws {
    let isFused = product.fusesNorm(tokens: 1)
    if !isFused {
      try RMSNorm(bench.library).enqueue(
        hidden.buffer, weight: normWeight.buffer, into: normed.buffer, rows: .init(columns: Self.embedding), count: 1,
        epsilon: 1e-5, on: target)
    }
    try product.enqueue(
      isFused ? hidden.buffer : normed.buffer, matrix, into: y.buffer, tokens: 1,
      norm: isFused ? .init(weight: normWeight.buffer, epsilon: 1e-5) : nil, epilogue: .init(gate: gate),
      workspace: workspace, on: target)
  }
}
