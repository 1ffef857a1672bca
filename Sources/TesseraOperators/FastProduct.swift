import TesseraCL
import TesseraMemory

/// What a model's products compute with.
public enum Precision: String, Sendable, CaseIterable, Codable {
  /// float32 activations.
  case exact
  /// Activations rounded to 8 bits in blocks of 32, and integer sums, where that is faster.
  case fast
}

/// Products with activations of 8 bits: `Kernels/matmul/matmul_8.cl`.
///
/// A token's result has the same bits however many tokens run beside it, in either style, by any `IntegerDot`.
public struct FastProduct: Sendable {
  /// How the device sums.
  public let dot: IntegerDot
  private let library: KernelLibrary
  private let tiles: TilePlan.Matrix

  /// - Parameter dot: nil takes the device's best.
  /// - Returns: nil where none is faster than float32.
  public init?(_ library: KernelLibrary, tiles: TilePlan.Matrix, dot: IntegerDot? = nil) throws {
    guard let dot = try dot ?? IntegerDot.best(library) else { return nil }
    (self.library, self.tiles, self.dot) = (library, tiles, dot)
  }

  /// Whether matrices of the format are multiplied so: `SERVES_TYPE` in `Kernels/matmul/dot_8.cl`.
  public func serves(_ format: WeightFormat) -> Bool {
    switch format {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: true
    // Sums of 16 bits have no room for its products, and in pairs it is slower than float32.
    case .q8_0: dot != .x86
    default: false
    }
  }

  /// Words that describe 32 activations of a token: `PACKED_8`, at most.
  private func packedWords(_ format: WeightFormat) -> Int {
    1 + 32 / format.blockSize + (dot == .plain ? 16 : 8)
  }

  /// What `MatrixProduct` has worked out of a product.
  struct Problem {
    var x: Buffer
    var weights: WeightMatrix
    var y: Buffer
    var tokens: Int
    var yStride: Int
    var epilogue: MatrixProduct.Epilogue
    var flags: UInt32
    var tile: MatrixProduct.Tile
    var packed: Buffer

    var tileCount: Int { (tokens + tile.tokens - 1) / tile.tokens }
    var columnsOfTiles: Int { (tileCount + tile.repeats - 1) / tile.repeats }
    var rowTiles: Int { (weights.shape.groupCount + tile.groups - 1) / tile.groups }
  }

  func enqueue(_ p: Problem, on target: some CommandTarget) throws {
    let shape = p.weights.shape
    guard serves(shape.format), shape.columns.isMultiple(of: 32) else {
      throw OperatorError(
        .shape, "a fast product of \(shape.format.name) and \(shape.columns) columns: use MatrixProduct")
    }
    if let program = target.program { return try record(p, in: program) }
    try checkWorkspace(p)
    let format = KernelLibrary.Define("WEIGHT_TYPE", Int(shape.format.rawValue))
    let tokens = KernelLibrary.Define("TILE_M", p.tile.tokens)
    let quantise = try library.kernel(
      "matmul/activations_8.cl", "quantise_activations", [format, tokens, dot.define], language: dot.language)
    try target.queue.enqueue(
      quantise, over: NDRange(global: [shape.columns / 32, p.tileCount], local: [1, 1]), p.x, p.packed,
      UInt32(p.tokens), UInt32(shape.columns))
    let kernel = try library.kernel(
      "matmul/matmul_8.cl", "matmul_8",
      [format, tokens, .init("TILE_N", p.tile.groups), .init("TILES", p.tile.repeats), dot.define],
      language: dot.language)
    let local = tiles.groupSize
    let range =
      library.style == .vector
      ? NDRange(global: [p.columnsOfTiles, p.rowTiles], local: [1, 1])
      : NDRange(global: [p.columnsOfTiles, (p.rowTiles * 16 + local - 1) / local * local], local: [1, local])
    try target.queue.enqueue(
      kernel, over: range, p.packed, p.weights.buffer, UInt64(shape.scalesOffset), p.epilogue.bias ?? p.x,
      p.epilogue.residual ?? p.x, p.y, UInt32(p.tokens), UInt32(shape.rows), UInt32(shape.columns), UInt32(p.yStride),
      p.flags)
  }

  private func checkWorkspace(_ p: Problem) throws(OperatorError) {
    let columns = p.weights.shape.columns
    guard p.packed.byteCount >= p.tileCount * p.tile.tokens * columns / 32 * packedWords(p.weights.shape.format) * 4
    else { throw OperatorError(.shape, "the workspace is too small for \(p.tokens) tokens of \(columns) activations") }
  }

  private func record(_ p: Problem, in program: StepProgram) throws {
    let shape = p.weights.shape
    try program.require(dot)
    var p = p
    p.tile = program.productTile(p.tile)
    try checkWorkspace(p)
    let packed = try program.offset(inArena: p.packed)
    try program.prepare(p.x, packed: p.packed, tokens: p.tokens, tileCount: p.tileCount, for: shape)
    var command = StepProgram.Command(shape.format.rawValue, units: p.rowTiles * p.columnsOfTiles)
    command.tokens = UInt32(p.tokens)
    command.stride = UInt32(p.yStride)
    command.rows = UInt32(shape.rows)
    command.columns = UInt32(shape.columns)
    command.flags = p.flags
    command.x = packed
    command.y = try program.offset(inArena: p.y)
    command.residual = try program.offset(inArena: p.epilogue.residual ?? p.y)
    command.weights = try program.offset(inWeights: p.weights.buffer)
    command.scales = UInt64(shape.scalesOffset)
    command.bias = try p.epilogue.bias.map { try program.offset(inWeights: $0) } ?? 0
    try program.record(command, format: shape.format)
  }
}
