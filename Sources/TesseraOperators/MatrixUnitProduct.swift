import TesseraCL
import TesseraKernels
import TesseraMemory

/// Products by matrix units, of weights and activations rounded to 16 bits: `Kernels/matmul/matmul_16.ptx.cl`.
///
/// A token's result has the same bits however many tokens run beside it.
package struct MatrixUnitProduct: Sendable {
  private let library: KernelLibrary
  private let units: MatrixUnits

  /// - Parameter units: nil asks the device.
  /// - Returns: nil where it has none.
  package init?(_ library: KernelLibrary, units: MatrixUnits? = nil) throws {
    guard library.style == .simt, let units = try units ?? MatrixUnits.probe(library) else { return nil }
    (self.library, self.units) = (library, units)
  }

  /// Whether matrices of the format are multiplied so: all but float32, which would lose half its bits.
  package func serves(_ format: WeightFormat) -> Bool { format != .f32 }

  /// Whether a matrix of a format that is served can be cut into tiles.
  func serves(_ shape: WeightShape) -> Bool {
    serves(shape.format) && shape.columns.isMultiple(of: Self.columns(of: shape.format)) && shape.wordsAside == 4
  }

  /// The fewest columns of a tile: two work-items unpack a row, and copies are of four words.
  private static func columns(of format: WeightFormat) -> Int {
    if !format.hasScales { return 32 }
    return (64 / format.blockSize * format.wordCount).isMultiple(of: 4) ? 64 : 128
  }

  /// Bytes of rounded activations: whole panels of 32 tokens.
  static func packedBytes(tokens: Int, columns: Int) -> Int { (tokens + 31) / 32 * 32 * columns * 2 }

  /// What a work-group multiplies.
  struct Tile: Equatable {
    /// `TILE_N`, `WARP_GROUPS`, `TILE_K` and `STAGES`.
    var tokens, warpGroups, columns, stages: Int

    /// Local memory, of weights of a format.
    func localBytes(_ format: WeightFormat) -> Int {
      let rows = 64 * warpGroups
      guard format.hasScales else { return stages * (rows + tokens) * columns * 2 }
      let sets = max(1, columns / format.superBlockSize)
      let words = columns / format.blockSize * format.wordCount * 4
      let weights = rows * (words + sets * (format.scaleCount * 2))
      return stages * (weights + tokens * columns * 2) + 2 * rows * columns * 2
    }
  }

  /// The tile that fills the device: large ones read less, small ones are more.
  static func tile(tokens: Int, shape: WeightShape, localBytes: Int, computeUnits: Int) -> Tile {
    let (rows, columns) = (shape.rows, shape.columns)
    func groups(_ tokensOfTile: Int) -> Int { (tokens + tokensOfTile - 1) / tokensOfTile * ((rows + 127) / 128) }
    var tile: Tile
    if tokens > 64 {
      // With little local memory large tiles have no room for copies under way.
      let isLarge = tokens > 128 && groups(256) >= computeUnits && localBytes >= 192 << 10
      tile = Tile(tokens: isLarge ? 256 : 128, warpGroups: 2, columns: 64, stages: 4)
    } else {
      tile = Tile(tokens: [8, 16, 32].first { $0 >= tokens } ?? 64, warpGroups: 1, columns: 128, stages: 16)
    }
    let fewest = Self.columns(of: shape.format)
    tile.columns = max(tile.columns, fewest)
    while tile.columns > fewest, !columns.isMultiple(of: tile.columns) || bytes(of: tile, stages: 4) > localBytes {
      tile.columns /= 2
    }
    func bytes(of tile: Tile, stages: Int) -> Int {
      var tile = tile
      tile.stages = stages
      return tile.localBytes(shape.format)
    }
    while tile.stages > 3, tile.localBytes(shape.format) > localBytes { tile.stages -= 1 }
    while tile.localBytes(shape.format) > localBytes, tile.tokens > 8 { tile.tokens /= 2 }
    return tile
  }

  func enqueue(
    _ problem: MatrixProduct.Problem, x: any DeviceMemory, y: any DeviceMemory, on sink: some CommandSink
  ) throws {
    let shape = problem.weights.shape
    guard serves(shape), problem.experts == nil else {
      throw OperatorError(
        .shape, "\(shape.format.name) of \(shape.columns) columns by matrix units: use MatrixProduct, which asks first")
    }
    var pack = PackArguments()
    pack.tokens = UInt32(problem.tokens)
    pack.columns = UInt32(shape.columns)
    let tokensOfGroup = 8
    let bytes = Self.packedBytes(tokens: problem.tokens, columns: shape.columns)
    try sink.dispatch(
      Dispatch(
        KernelVariant("matmul/activations_16.cl", "round_activations", [shape.format.define]), pack,
        views: [x.view, problem.workspace.packed.view, problem.workspace.sums.view, nil, nil], written: [1, 2],
        units: .init(1, (problem.tokens + 31) / 32 * 32 / tokensOfGroup), localSize: 32 * tokensOfGroup,
        cost: .init(bytes: problem.tokens * shape.columns * 8 + bytes)), library)
    let tile = Self.tile(
      tokens: problem.tokens, shape: shape, localBytes: units.localBytes,
      computeUnits: library.context.device.profile.computeUnits)
    try sink.dispatch(
      Dispatch(
        KernelVariant(
          "matmul/matmul_16.ptx.cl", "matmul_16",
          [
            shape.format.define, .init("TILE_N", tile.tokens), .init("TILE_K", tile.columns),
            .init("STAGES", tile.stages), .init("WARP_GROUPS", tile.warpGroups), problem.activation.define,
          ] + units.defines, target: units.target), problem.block,
        views: [
          problem.workspace.packed.view, problem.workspace.sums.view, problem.weights.view, problem.epilogue.bias?.view,
          problem.epilogue.residual?.view, y.view, nil, nil,
        ], written: [5],
        units: .init(
          (problem.tokens + tile.tokens - 1) / tile.tokens,
          (shape.rows + 64 * tile.warpGroups - 1) / (64 * tile.warpGroups)),
        localSize: 128 * tile.warpGroups, cost: problem.cost), library)
  }
}
