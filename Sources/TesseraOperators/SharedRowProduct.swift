import TesseraKernels
import TesseraMemory

extension MatrixProduct.Problem {
  /// Few tokens in the simt style: the work-items of a work-group share rows (`Kernels/matmul/matmul.simt.cl`).
  ///
  /// - Parameters:
  ///   - x: activations, (tokens, columns).
  ///   - norm: normalizes them first.
  ///   - isRounded: rounds them to 8 bits, after the norm.
  func sharedRows(
    _ x: any DeviceMemory, into y: any DeviceMemory, _ tiles: TilePlan.Matrix, norm: MatrixProduct.Norm? = nil,
    isRounded: Bool = false
  ) throws(OperatorError) -> Dispatch {
    let shape = weights.shape
    let tile = tiles.sharedRowTile(
      tokens: experts?.routing.tileTokens ?? tokens, shape.rowBlocks, weights: shape.format.tuningClass,
      panels: shape.groupCount / 2)
    guard experts.map({ $0.routing.tileTokens <= tile.tokens }) ?? true else {
      throw OperatorError(
        .shape,
        "experts' tiles of \(experts?.routing.tileTokens ?? 0) tokens: the device's local memory holds \(tile.tokens)")
    }
    var block = block
    block.epsilon = norm?.epsilon ?? 0
    if let experts, !experts.gathers { block.flags |= 32 }
    let defines =
      shape.defines(.simt) + [
        .init("COLUMNS", shape.columns), .init("TILE_M", tile.tokens), .init("SHARE", tile.share),
        .init("AHEAD", tile.ahead), .init("LANE_ROWS", tile.laneRows), .init("WHOLE", tile.isWhole ? 1 : 0),
        .init("CHAIN_ALONE", tile.isChainAlone ? 1 : 0), .init("NORM", norm == nil ? 0 : 1), activation.define,
      ] + (experts == nil ? [] : [.init("GROUPED", 1)]) + (isRounded ? [.init("ROUNDED", 1)] : [])
    let groups = tile.groups(panels: shape.groupCount / 2, shape.rowBlocks, units: tiles.computeUnits)
    let tileCount = experts?.routing.mostTiles ?? (tokens + tile.tokens - 1) / tile.tokens
    return try Dispatch(
      KernelVariant("matmul/matmul.simt.cl", "matmul", defines), block,
      views: [
        x.view, experts.flatMap { $0.gathers ? $0.order.view : nil }, weights.view, epilogue.bias?.view,
        epilogue.residual?.view, y.view, norm?.weight.view, experts?.list.view,
      ], written: [5], units: .init(tileCount, groups), localSize: tile.groupSize,
      count: experts?.list.view, cost: cost)
  }
}
