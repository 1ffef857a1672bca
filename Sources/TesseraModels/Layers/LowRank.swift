import TesseraOperators

/// What adapters add to a projection: `scale · B · (A · x)`, for each row of x that of its sequence's adapter (LoRA, Hu et al. 2021).
///
/// Adapters are to rows what experts are to tokens, but who has which the host knows.
struct LowRank: Sendable {
  let down: WeightMatrix  // adapters of (inner, columns): each part's A, then zeros
  let up: WeightMatrix  // adapters of (rows, inner): scale · B of a part where its rows meet its A's, else zeros

  /// Adds to the rows of `y` whose sequences have an adapter, and leaves the others.
  ///
  /// - Parameters:
  ///   - x: (rows of x, columns), padded as the matrices are.
  ///   - scale: of what is added.
  func add(_ x: Tensor, to y: Tensor, scale: Float, _ rows: MatrixProduct.Experts, _ step: StepBuilder) throws {
    let inner = step.tensor(rows: x.rows, columns: up.shape.columns)
    let tiledRows = try step.mostTiledRows(x.rows)
    func workspace(_ columns: Int) -> MatrixProduct.Workspace {
      step.productWorkspace(rows: tiledRows, columns: columns)
    }
    let product = step.operators.product
    try product.enqueue(
      x, down, into: inner, tokens: x.rows, workspace: workspace(x.columns), experts: rows, on: step.sink)
    try product.enqueue(
      inner, up, into: y, tokens: x.rows, yStride: y.columns, epilogue: .init(scale: scale, residual: y),
      workspace: workspace(inner.columns), experts: rows, on: step.sink)
  }
}
