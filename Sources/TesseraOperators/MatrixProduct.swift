import TesseraCL
import TesseraKernels
import TesseraMemory

/// `y[token, row] = Σ_k x[token, k] · w[row, k]`, with what follows it fused: `Kernels/matmul/matmul.cl`.
///
/// A token's result has the same bits however many tokens run beside it.
package struct MatrixProduct: Sendable {
  /// Steps between a product's sums and its result, in this order.
  package struct Epilogue: Sendable {
    /// Added to each token, (rows rounded up to 16), of experts for each of them; with a gate in the order of the matrix's rows.
    package var bias: (any DeviceMemory)?
    /// Applied to the sums, or to the gates.
    package var activation: Activation.Function?
    /// The matrix alternates between groups of gate rows and of up rows; `y` has half as many: `activation(gate) · up`.
    package var isGated: Bool
    /// Factor of the result.
    package var scale: Float
    /// Added to each element, (tokens, yStride); may be `y`.
    package var residual: (any DeviceMemory)?

    package init(
      bias: (any DeviceMemory)? = nil, activation: Activation.Function? = nil, scale: Float = 1,
      residual: (any DeviceMemory)? = nil, gate: Activation.Function? = nil
    ) {
      self.bias = bias
      self.activation = gate ?? activation
      isGated = gate != nil
      self.scale = scale
      self.residual = residual
    }

    /// The flags of `Kernels/matmul/epilogue.cl`.
    var flags: UInt32 {
      (bias == nil ? 0 : 1) | (residual == nil ? 0 : 2) | (isGated ? 4 : 0)
        | (activation != nil && !isGated ? 8 : 0) | (scale == 1 ? 0 : 16)
    }
  }

  /// A root mean square norm of the activations, computed by the product itself where `fusesNorm`.
  package struct Norm: Sendable {
    /// (columns)
    package var weight: any DeviceMemory
    package var epsilon: Float

    package init(weight: any DeviceMemory, epsilon: Float) { (self.weight, self.epsilon) = (weight, epsilon) }
  }

  /// Memory for activations packed in tiles.
  package struct Workspace: Sendable {
    let packed: any DeviceMemory
    let sums: any DeviceMemory

    /// - Parameters:
    ///   - packed: at least `packedBytes(tokens:columns:)`.
    ///   - sums: at least `sumBytes(tokens:columns:)`.
    package init(packed: any DeviceMemory, sums: any DeviceMemory) {
      self.packed = packed
      self.sums = sums
    }

    package static func packedBytes(tokens: Int, columns: Int) -> Int {
      max(padded(tokens) * columns * 4, MatrixUnitProduct.packedBytes(tokens: tokens, columns: columns))
    }
    package static func sumBytes(tokens: Int, columns: Int) -> Int { padded(tokens) * columns / 16 * 4 }

    /// Tokens rounded up to whole tiles of any shape.
    private static func padded(_ tokens: Int) -> Int {
      (TilePlan.tokenTiles + (tokens > 16 ? [128] : [])).reduce(tokens) { max($0, (tokens + $1 - 1) / $1 * $1) }
    }
  }

  /// Which tokens each expert has (`ExpertRouter`): the product of a tile takes its expert's matrix.
  package struct Experts: Sendable {
    /// The list of tiles, and the token of each slot.
    package var list: any DeviceMemory
    package var order: any DeviceMemory
    /// Rows of `x` are tokens, to be gathered; otherwise slots already.
    package var gathers: Bool
    package var routing: ExpertRouter.Routing

    package init(list: any DeviceMemory, order: any DeviceMemory, gathers: Bool, routing: ExpertRouter.Routing) {
      (self.list, self.order, self.gathers, self.routing) = (list, order, gathers, routing)
    }
  }

  typealias Tile = TilePlan.Matrix.Tile

  private let library: KernelLibrary
  private let tiles: TilePlan.Matrix
  private let fast: FastProduct?
  private let activation: Activation.Function
  private let isOfSteps: Bool

  /// - Parameters:
  ///   - fast: multiplies the matrices of the formats that it serves.
  ///   - activation: the function that kernels are compiled with where an epilogue names none, so that a model has one
  ///     variant for products with and without it.
  ///   - isOfSteps: products are parts of step programs, for which other tiles are the fastest.
  package init(
    _ library: KernelLibrary, tiles: TilePlan.Matrix, fast: FastProduct? = nil,
    activation: Activation.Function = .silu, isOfSteps: Bool = false
  ) {
    self.library = library
    self.tiles = tiles
    self.fast = fast
    self.activation = activation
    self.isOfSteps = isOfSteps
  }

  /// Whether `enqueue` takes a norm for so many tokens: in the simt style where work-groups share rows.
  package func fusesNorm(tokens: Int) -> Bool {
    library.style == .simt && tokens <= TilePlan.Matrix.mostSharedRowTokens
  }

  /// Whether it takes one for matrices of the format: not where tensor cores multiply them.
  package func fusesNorm(of format: WeightFormat) -> Bool {
    fast?.serves(format) != true || format.hasScales
  }

  /// The most tokens of experts' tiles that are no many tokens: of `sharedRows`.
  static let mostFewExpertTokens = 8

  /// Slots of a tile, where each of `tokens` is multiplied with `topK` of several experts.
  ///
  /// - Parameter matrices: an expert's, which share the list of tiles.
  package func expertTileTokens(tokens: Int, topK: Int, expertCount: Int, matrices: [WeightShape]) -> Int {
    let average = max(1, (tokens * topK + expertCount - 1) / expertCount)
    guard library.style == .simt else {
      return matrices.first.map { tile($0.format, tokens: average, isGated: true).tokens } ?? 1
    }
    let possible = matrices.map { Set(expertTiles($0, average: average)) }
    let shared = possible.dropFirst().reduce(possible.first ?? []) { $0.intersection($1) }.sorted()
    // Every kernel takes a few.
    return shared.first { $0 >= average } ?? shared.last ?? Self.mostFewExpertTokens
  }

  /// The tiles that are fast for a matrix of experts with `average` tokens each, in the simt style.
  private func expertTiles(_ shape: WeightShape, average: Int) -> [Int] {
    if let fast, fast.serves(shape, ofExperts: true) { return fast.expertTiles(shape.format) }
    return tiles.wideExpertTokens(tokens: average).map { [$0] } ?? [1, 2, 4, Self.mostFewExpertTokens]
  }

  /// The tile of a product of many tokens in the simt style.
  private func wideTile(_ shape: WeightShape, tokens: Int, experts: Experts?) -> WideTile? {
    if let fast, fast.serves(shape, ofExperts: experts != nil) { return nil }
    return experts.map { tiles.wideTile(ofExperts: $0.routing.tileTokens) }
      ?? tiles.wideTile(tokens: tokens, rows: shape.rows, weights: shape.format.tuningClass)
  }

  /// What the tile of a product of few tokens in the simt style is without tuning, by parameter.
  package func sharedRowChoices(_ shape: WeightShape, tokens: Int) -> [String: Int] {
    let row = shape.rowBlocks
    let tile = tiles.sharedRowTile(
      tokens: tokens, row, weights: shape.format.tuningClass, panels: shape.groupCount / 2)
    return ["LOCAL": tile.summers, "SHARE": tile.share / row.unit, "AHEAD": tile.ahead]
  }

  private func tile(_ format: WeightFormat, tokens: Int, isGated: Bool) -> Tile {
    tiles.tile(tokens: tokens, weights: format.tuningClass, isGated: isGated, ofStep: isOfSteps)
  }

  /// Enqueues the product.
  ///
  /// - Parameters:
  ///   - x: activations, (tokens, columns).
  ///   - y: (tokens, yStride) of which the first `rows` (half of them with a gate) of each token are written.
  ///   - norm: normalizes `x` first, as `RMSNorm` does; only where `fusesNorm`.
  ///   - yStride: floats from token to token in `y` and the residual; by default the rows written.
  ///   - experts: rows of `y` are then slots.
  package func enqueue(
    _ x: any DeviceMemory, _ weights: WeightMatrix, into y: any DeviceMemory, tokens: Int, norm: Norm? = nil,
    yStride: Int? = nil, epilogue: Epilogue = .init(), workspace: Workspace, experts: Experts? = nil,
    on sink: some CommandSink
  ) throws {
    let shape = weights.shape
    guard tokens > 0, !epilogue.isGated || shape.rows.isMultiple(of: 32) else {
      throw OperatorError(
        .shape, "a gated product of \(tokens) tokens and \(shape.rows) rows: rows must be a multiple of 32")
    }
    guard norm == nil || (fusesNorm(tokens: tokens) && fusesNorm(of: shape.format) && experts == nil) else {
      throw OperatorError(
        .shape, "a norm in a product of \(tokens) tokens of \(shape.columns): it cannot be fused there")
    }
    var tile = tile(shape.format, tokens: tokens, isGated: epilogue.isGated)
    if let experts { (tile.tokens, tile.repeats) = (experts.routing.tileTokens, 1) }
    let wide = wideTile(shape, tokens: tokens, experts: experts)
    if let wide { (tile.tokens, tile.repeats) = (wide.tokens, 1) }
    let problem = Problem(
      weights: weights, tokens: tokens, yStride: yStride ?? (epilogue.isGated ? shape.rows / 2 : shape.rows),
      epilogue: epilogue, activation: epilogue.activation ?? activation, tile: tile, workspace: workspace,
      experts: experts)
    if let fast, fast.serves(shape, ofExperts: experts != nil) {
      return try fast.enqueue(problem, x: x, y: y, norm: norm, on: sink)
    }
    if library.style == .simt, wide == nil {
      return try sink.dispatch(problem.sharedRows(x, into: y, tiles, norm: norm), library)
    }
    // Always in tiles of several tokens; one token's where weights are integers or a table's, whose columns and sums are then
    // ready for every row.
    let isPacked = tile.tokens > 1 || experts != nil || shape.format.hasScales
    if isPacked {
      let bytes = shape.columns * tile.tokens * 4
      try sink.dispatch(
        problem.pack(
          x, "matmul/activations.cl", "pack_activations", blocks: shape.columns / shape.format.blockSize,
          blocksOfUnit: Int(wide == nil ? PACK_COLUMNS : PACK_COLUMNS_WIDE) / shape.format.blockSize,
          style: library.style, bytesOfTile: bytes), library)
    }
    if let wide { return try sink.dispatch(problem.product(wide, into: y), library) }
    let defines = problem.defines(.vector) + [.init("PREFETCH_WORDS", tile.prefetchWords)]
    try sink.dispatch(
      Dispatch(
        KernelVariant("matmul/matmul.cl", "matmul", defines), problem.block,
        views: [
          isPacked ? workspace.packed.view : x.view, isPacked ? workspace.sums.view : nil, weights.view,
          epilogue.bias?.view, epilogue.residual?.view, y.view, nil, experts?.list.view,
        ], written: [5], units: problem.units(.vector), localSize: 1, count: experts?.list.view, cost: problem.cost),
      library)
  }

  /// A product that is about to be enqueued, by this or by `FastProduct`.
  struct Problem {
    var weights: WeightMatrix
    var tokens: Int
    var yStride: Int
    var epilogue: Epilogue
    var activation: Activation.Function
    var tile: Tile
    var workspace: Workspace
    var experts: Experts?

    var tileCount: Int { experts?.routing.mostTiles ?? (tokens + tile.tokens - 1) / tile.tokens }

    func defines(_ style: KernelStyle) -> [KernelVariant.Define] {
      weights.shape.defines(style) + [
        .init("TILE_M", tile.tokens), .init("TILE_N", tile.groups), .init("TILES", tile.repeats), activation.define,
      ] + (experts == nil ? [] : [.init("GROUPED", 1)])
    }

    var block: MatmulArguments {
      let shape = weights.shape
      var block = MatmulArguments()
      block.scales_offset = UInt64(shape.scalesOffset)
      block.expert_stride = UInt64(weights.stride)
      block.tokens = UInt32(tokens)
      block.rows = UInt32(shape.rows)
      block.columns = UInt32(shape.columns)
      block.y_stride = UInt32(yStride)
      block.flags = epilogue.flags
      block.scale = epilogue.scale
      return block
    }

    func units(_ style: KernelStyle) -> Dispatch.Units {
      let columnsOfTiles = (tileCount + tile.repeats - 1) / tile.repeats
      let rowTiles = (weights.shape.groupCount + tile.groups - 1) / tile.groups
      let rowTilesOfUnit = style == .vector ? 1 : tile.groupSize / 16
      return .init(columnsOfTiles, (rowTiles + rowTilesOfUnit - 1) / rowTilesOfUnit)
    }

    /// Bytes as the kernel reads them where nothing is cached: weights once for each pass over the tokens.
    var cost: Dispatch.Cost {
      let shape = weights.shape
      let rows = experts.map { tokens * $0.routing.topK } ?? tokens
      let matrices = experts.map { min(weights.expertCount, tokens * $0.routing.topK) } ?? 1
      return .init(
        bytes: matrices * shape.byteCount + rows * (shape.columns + shape.rows) * 4,
        weightBytes: matrices * shape.byteCount, operations: 2 * rows * shape.rows * shape.columns)
    }

    /// The product of activations that are packed in wide tiles.
    func product(_ wide: WideTile, into y: any DeviceMemory) throws(OperatorError) -> Dispatch {
      let shape = weights.shape
      let defines =
        shape.defines(.simt) + [.init("TILE_M", wide.tokens), .init("TILE_ROWS", wide.rows), activation.define]
        + (experts == nil ? [] : [.init("GROUPED", 1)])
      return try Dispatch(
        KernelVariant("matmul/tiles.simt.cl", "matmul", defines), block,
        views: [
          workspace.packed.view, workspace.sums.view, weights.view, epilogue.bias?.view, epilogue.residual?.view,
          y.view, nil, experts?.list.view,
        ], written: [5], units: .init(tileCount, (shape.rows + wide.rows - 1) / wide.rows), localSize: wide.groupSize,
        count: experts?.list.view, cost: cost)
    }

    /// The kernel that brings activations into tiles.
    ///
    /// - Parameter blocks: of a row, of which a unit packs `blocksOfUnit`.
    func pack(
      _ x: any DeviceMemory, _ file: String, _ function: String, defines: [KernelVariant.Define] = [],
      language: KernelVariant.Language = .c12, blocks: Int, blocksOfUnit: Int, style: KernelStyle, bytesOfTile: Int
    ) throws(OperatorError) -> Dispatch {
      var block = PackArguments()
      block.tokens = UInt32(tokens)
      block.columns = UInt32(weights.shape.columns)
      if let experts, !experts.gathers { block.flags = 32 }
      let format = [weights.shape.format.define, .init("TILE_M", tile.tokens)]
      return try Dispatch(
        KernelVariant(
          file, function, format + defines + (experts == nil ? [] : [.init("GROUPED", 1)]), language: language),
        block,
        views: [
          x.view, workspace.packed.view, workspace.sums.view, experts?.list.view,
          experts.flatMap { $0.gathers ? $0.order.view : nil },
        ], written: [1, 2], units: .init((blocks + blocksOfUnit - 1) / blocksOfUnit, tileCount),
        localSize: style.localSize,
        cost: .init(bytes: tokens * weights.shape.columns * 4 + tileCount * bytesOfTile))
    }
  }
}
