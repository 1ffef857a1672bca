import TesseraCL
import TesseraKernels
import TesseraMemory

/// Products of weights of 16 bits by matrix units, with activations rounded to the same: `Kernels/matmul/matmul_16.wgmma.cl`.
///
/// A token's result has the same bits however many tokens run beside it.
package struct MatrixUnitProduct: Sendable {
  private let library: KernelLibrary
  private let units: MatrixUnits

  /// - Parameter units: nil asks the device.
  /// - Returns: nil where it has none.
  package init?(_ library: KernelLibrary, units: MatrixUnits? = nil) {
    guard library.style == .simt, let units = units ?? MatrixUnits.probe(library) else { return nil }
    (self.library, self.units) = (library, units)
  }

  /// Whether matrices of the format are multiplied so.
  package func serves(_ format: WeightFormat) -> Bool { format == .f16 || format == .bf16 }

  /// Bytes of rounded activations: whole panels of 32 tokens.
  static func packedBytes(tokens: Int, columns: Int) -> Int { (tokens + 31) / 32 * 32 * columns * 2 }

  /// What a work-group multiplies.
  struct Tile: Equatable {
    /// `TILE_N`, `WARP_GROUPS`, `TILE_K` and `STAGES`.
    var tokens, warpGroups, columns, stages: Int

    var localBytes: Int { stages * (64 * warpGroups + tokens) * columns * 2 }
  }

  /// The tile that fills the device: large ones read less, small ones are more.
  static func tile(tokens: Int, shape: WeightShape, localBytes: Int, computeUnits: Int) -> Tile {
    func groups(_ tokensOfTile: Int) -> Int {
      (tokens + tokensOfTile - 1) / tokensOfTile * ((shape.rows + 127) / 128)
    }
    var tile: Tile
    if tokens > 64 {
      // With little local memory large tiles have no room for copies under way.
      let isLarge = tokens > 128 && groups(256) >= computeUnits && localBytes >= 144 << 10
      tile = Tile(tokens: isLarge ? 256 : 128, warpGroups: 2, columns: 64, stages: isLarge ? 3 : 4)
    } else {
      tile = Tile(tokens: [8, 16, 32].first { $0 >= tokens } ?? 64, warpGroups: 1, columns: 128, stages: 8)
    }
    while !shape.columns.isMultiple(of: tile.columns) { tile.columns /= 2 }
    while tile.stages > 2, tile.localBytes > localBytes { tile.stages -= 1 }
    return tile
  }

  func enqueue(
    _ problem: MatrixProduct.Problem, x: any DeviceMemory, y: any DeviceMemory, on sink: some CommandSink
  ) throws {
    let shape = problem.weights.shape
    guard serves(shape.format), problem.experts == nil else {
      throw OperatorError(
        .shape, "\(shape.format.name) by matrix units: they multiply F16 and BF16, and not of experts")
    }
    var pack = PackArguments()
    pack.tokens = UInt32(problem.tokens)
    pack.columns = UInt32(shape.columns)
    let tokensOfGroup = 8
    let bytes = Self.packedBytes(tokens: problem.tokens, columns: shape.columns)
    try sink.dispatch(
      Dispatch(
        KernelVariant("matmul/panels_16.cl", "round_panels", [shape.format.define]), pack,
        views: [x.view, problem.workspace.packed.view, problem.workspace.sums.view, nil, nil], written: [1, 2],
        units: .init(1, (problem.tokens + 31) / 32 * 32 / tokensOfGroup), localSize: 32 * tokensOfGroup,
        cost: .init(bytes: problem.tokens * shape.columns * 8 + bytes)), library)
    let tile = Self.tile(
      tokens: problem.tokens, shape: shape, localBytes: units.localBytes,
      computeUnits: library.computeUnits)
    try sink.dispatch(
      Dispatch(
        KernelVariant(
          "matmul/matmul_16.wgmma.cl", "matmul_16",
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
