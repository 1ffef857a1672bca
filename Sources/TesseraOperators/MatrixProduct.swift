import TesseraCL
import TesseraMemory

/// `y[token, row] = Σ_k x[token, k] · w[row, k]`, with what follows it fused: `Kernels/matmul/matmul.cl`.
///
/// A token's result has the same bits however many tokens run beside it.
public struct MatrixProduct: Sendable {
  /// What is done to the sums before they are stored.
  public struct Epilogue: Sendable {
    /// Added to each token, (rows).
    public var bias: Buffer?
    /// Added to each element, (tokens, yStride); may be `y`.
    public var residual: Buffer?
    /// The matrix alternates between groups of gate rows and of up rows; `y` has half as many: `act(gate) · up`.
    public var gate: GatedActivation.Function?

    public init(bias: Buffer? = nil, residual: Buffer? = nil, gate: GatedActivation.Function? = nil) {
      self.bias = bias
      self.residual = residual
      self.gate = gate
    }
  }

  /// A root mean square norm of the activations, computed by the product itself where `fusesNorm`.
  public struct Norm: Sendable {
    /// (columns)
    public var weight: Buffer
    public var epsilon: Float

    public init(weight: Buffer, epsilon: Float) { (self.weight, self.epsilon) = (weight, epsilon) }
  }

  /// Memory for activations packed in tiles.
  public struct Workspace: Sendable {
    let packed: Buffer
    let sums: Buffer

    /// - Parameters:
    ///   - packed: at least `packedBytes(tokens:columns:)`.
    ///   - sums: at least `sumBytes(tokens:columns:)`.
    public init(packed: Buffer, sums: Buffer) {
      self.packed = packed
      self.sums = sums
    }

    public static func packedBytes(tokens: Int, columns: Int) -> Int { padded(tokens) * columns * 4 }
    public static func sumBytes(tokens: Int, columns: Int) -> Int { padded(tokens) * columns / 16 * 4 }

    /// Tokens rounded up to whole tiles of any shape.
    private static func padded(_ tokens: Int) -> Int {
      TilePlan.tokenTiles.reduce(tokens) { max($0, (tokens + $1 - 1) / $1 * $1) }
    }
  }

  typealias Tile = TilePlan.Matrix.Tile

  private let library: KernelLibrary
  private let tiles: TilePlan.Matrix
  private let fast: FastProduct?

  /// - Parameter fast: multiplies the matrices of the formats that it serves.
  public init(_ library: KernelLibrary, tiles: TilePlan.Matrix, fast: FastProduct? = nil) {
    self.library = library
    self.tiles = tiles
    self.fast = fast
  }

  /// Whether `enqueue` takes a norm for activations of this shape: in the simt style one row that fits local memory.
  public func fusesNorm(tokens: Int, columns: Int) -> Bool {
    let bytes = (columns + columns / 8 + 256) * 4
    return fast == nil && library.style == .simt && tokens == 1
      && bytes <= library.context.device.profile.localMemoryBytes
  }

  /// Enqueues the product.
  ///
  /// - Parameters:
  ///   - x: activations, (tokens, columns).
  ///   - y: (tokens, yStride) of which the first `rows` (half of them with a gate) of each token are written.
  ///   - norm: normalises `x` first, as `RMSNorm` does; only where `fusesNorm`.
  ///   - yStride: floats from token to token in `y` and the residual; by default the rows written.
  public func enqueue(
    _ x: Buffer, _ weights: WeightMatrix, into y: Buffer, tokens: Int, norm: Norm? = nil, yStride: Int? = nil,
    epilogue: Epilogue = .init(), workspace: Workspace, on target: some CommandTarget
  ) throws {
    let shape = weights.shape
    let outputs = epilogue.gate == nil ? shape.rows : shape.rows / 2
    guard tokens > 0, epilogue.gate == nil || shape.rows.isMultiple(of: 32) else {
      throw OperatorError(
        .shape, "a gated product of \(tokens) tokens and \(shape.rows) rows: rows must be a multiple of 32")
    }
    guard norm == nil || fusesNorm(tokens: tokens, columns: shape.columns) else {
      throw OperatorError(
        .shape, "a norm in a product of \(tokens) tokens of \(shape.columns): it cannot be fused there")
    }
    var flags: UInt32 = 0
    if epilogue.bias != nil { flags |= 1 }
    if epilogue.residual != nil { flags |= 2 }
    if let gate = epilogue.gate { flags |= gate == .silu ? 4 : 8 }
    let queue = target.queue
    let style = library.style
    let tile = tiles.tile(
      tokens: tokens, weights: shape.format.tuningClass, isGated: epilogue.gate != nil,
      isRecorded: target.program != nil)
    if let fast, fast.serves(shape.format) {
      return try fast.enqueue(
        .init(
          x: x, weights: weights, y: y, tokens: tokens, yStride: yStride ?? outputs, epilogue: epilogue, flags: flags,
          tile: tile, packed: workspace.packed),
        on: target)
    }
    if let program = target.program {
      return try record(
        x, weights, y, tokens: tokens, yStride: yStride ?? outputs, tile, epilogue, flags, workspace, program)
    }
    let tileCount = (tokens + tile.tokens - 1) / tile.tokens
    let isPacked = packs(shape.format, tile)
    if isPacked { try pack(x, shape, tile, tokens: tokens, tileCount: tileCount, workspace, on: queue) }

    var defines: [KernelLibrary.Define] = [
      .init("WEIGHT_TYPE", Int(shape.format.rawValue)), .init("TILE_M", tile.tokens), .init("TILE_N", tile.groups),
      .init("TILES", tile.repeats), .init("PREFETCH_WORDS", tile.prefetchWords),
    ]
    if style == .simt, tile.tokens == 1 {
      defines += [
        .init("COLUMNS", shape.columns), .init("LOCAL", tile.groupSize), .init("NORM", norm == nil ? 0 : 1),
      ]
    }
    let kernel = try library.kernel("matmul/matmul.cl", "matmul", defines)
    let columnsOfTiles = (tileCount + tile.repeats - 1) / tile.repeats
    let rowTiles = (shape.groupCount + tile.groups - 1) / tile.groups
    let local = tile.groupSize
    let range =
      style == .vector
      ? NDRange(global: [columnsOfTiles, rowTiles], local: [1, 1])
      : NDRange(global: [columnsOfTiles, (rowTiles * 16 + local - 1) / local * local], local: [1, local])
    try queue.enqueue(
      kernel, over: range, isPacked ? workspace.packed : x, isPacked ? workspace.sums : x, weights.buffer,
      UInt64(shape.scalesOffset), epilogue.bias ?? x, epilogue.residual ?? x, y, UInt32(tokens), UInt32(shape.rows),
      UInt32(shape.columns), UInt32(yStride ?? outputs), flags,
      norm?.weight ?? x, norm?.epsilon ?? 0)
  }

  private func record(
    _ x: Buffer, _ weights: WeightMatrix, _ y: Buffer, tokens: Int, yStride: Int, _ wanted: Tile, _ epilogue: Epilogue,
    _ flags: UInt32, _ workspace: Workspace, _ program: StepProgram
  ) throws {
    let shape = weights.shape
    let tile = program.productTile(wanted)
    let tileCount = (tokens + tile.tokens - 1) / tile.tokens
    let isPacked = packs(shape.format, tile)
    if isPacked {
      try checkWorkspace(workspace, shape, tile, tokens: tokens, tileCount: tileCount)
      try program.prepare(
        x, packed: workspace.packed, sums: workspace.sums, tokens: tokens, tileCount: tileCount, for: shape)
    }
    let columnsOfTiles = (tileCount + tile.repeats - 1) / tile.repeats
    let rowTiles = (shape.groupCount + tile.groups - 1) / tile.groups
    var command = StepProgram.Command(shape.format.rawValue, units: rowTiles * columnsOfTiles)
    command.tokens = UInt32(tokens)
    command.stride = UInt32(yStride)
    command.sums = try program.offset(inArena: workspace.sums)
    command.rows = UInt32(shape.rows)
    command.columns = UInt32(shape.columns)
    command.flags = flags
    command.x = try program.offset(inArena: isPacked ? workspace.packed : x)
    command.y = try program.offset(inArena: y)
    command.residual = try program.offset(inArena: epilogue.residual ?? y)
    command.weights = try program.offset(inWeights: weights.buffer)
    command.scales = UInt64(shape.scalesOffset)
    command.bias = try epilogue.bias.map { try program.offset(inWeights: $0) } ?? 0
    try program.record(command, format: shape.format)
  }

  /// Whether activations are packed first: always in tiles of several tokens, and one token's in the vector style, where
  /// weights are integers or a table's, whose columns and sums are then ready for every row.
  private func packs(_ format: WeightFormat, _ tile: Tile) -> Bool {
    tile.tokens > 1 || (library.style == .vector && format.hasScales)
  }

  private func checkWorkspace(
    _ workspace: Workspace, _ shape: WeightShape, _ tile: Tile, tokens: Int, tileCount: Int
  ) throws(OperatorError) {
    guard workspace.packed.byteCount >= tileCount * tile.tokens * shape.columns * 4,
      workspace.sums.byteCount >= tileCount * tile.tokens * shape.columns / shape.format.blockSize * 4
    else {
      throw OperatorError(.shape, "the workspace is too small for \(tokens) tokens of \(shape.columns) activations")
    }
  }

  private func pack(
    _ x: Buffer, _ shape: WeightShape, _ tile: Tile, tokens: Int, tileCount: Int, _ workspace: Workspace,
    on queue: Queue
  ) throws {
    try checkWorkspace(workspace, shape, tile, tokens: tokens, tileCount: tileCount)
    let kernel = try library.kernel(
      "matmul/activations.cl", "pack_activations",
      [.init("TILE_M", tile.tokens), .init("WEIGHT_TYPE", Int(shape.format.rawValue))])
    try queue.enqueue(
      kernel, over: NDRange(global: [shape.columns / shape.format.blockSize, tileCount], local: [1, 1]), x,
      workspace.packed,
      workspace.sums, UInt32(tokens), UInt32(shape.columns))
  }
}
