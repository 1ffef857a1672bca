import TesseraOperators

/// `y = W · x + b`, and what follows it, fused (`MatrixProduct`).
struct Linear: Sendable {
  /// Matrices whose rows follow each other, with the row that each begins at: one where all have one format.
  let parts: [(matrix: WeightMatrix, firstRow: Int)]
  let bias: Vector?  // (rows)
  let rows: Int
  /// Of the input; the matrices' own are padded to whole blocks.
  let columns: Int
  /// What adapters add.
  var lowRank: LowRank?

  /// - Parameters:
  ///   - x: (rows of x, columns), with a norm that is still to be applied.
  ///   - residual: added last, laid out as the result.
  func callAsFunction(
    _ x: NormedTensor, activation: Activation.Function? = nil, scale: Float = 1, adding residual: Tensor? = nil,
    _ step: StepBuilder
  ) throws -> Tensor {
    let y = step.tensor(rows: x.rows, columns: rows)
    try into(y, x, activation: activation, scale: scale, adding: residual, step)
    return y
  }

  func callAsFunction(
    _ x: Tensor, activation: Activation.Function? = nil, scale: Float = 1, adding residual: Tensor? = nil,
    _ step: StepBuilder
  ) throws -> Tensor {
    try self(NormedTensor(x), activation: activation, scale: scale, adding: residual, step)
  }

  /// As the call, with memory for the result given.
  func into(
    _ y: Tensor, _ x: NormedTensor, activation: Activation.Function? = nil, scale: Float = 1,
    adding residual: Tensor? = nil, _ step: StepBuilder
  ) throws {
    let adapted = try lowRank == nil ? nil : step.adapterRows(count: x.rows)
    let x = try x.ready(for: parts.map(\.matrix), appliesNorm: adapted != nil, step)
    // An activation is of the whole sum.
    let after = adapted == nil ? nil : activation
    guard after == nil || (scale == 1 && residual == nil) else {
      throw ModelError(.inconsistent, "an activation before a sum, in a projection with adapters")
    }
    for part in parts {
      try step.operators.product.enqueue(
        x.tensor, part.matrix, into: y.view.advanced(byFloats: part.firstRow), tokens: x.rows, norm: x.norm,
        yStride: rows,
        epilogue: .init(
          bias: bias?.view.advanced(byFloats: part.firstRow), activation: after == nil ? activation : nil, scale: scale,
          residual: residual?.view.advanced(byFloats: part.firstRow)),
        workspace: step.productWorkspace(rows: x.rows, columns: x.tensor.columns), on: step.sink)
    }
    if let lowRank, let adapted { try lowRank.add(x.tensor, to: y, scale: scale, adapted, step) }
    if let after {
      try step.operators.activation.enqueue(y, into: y, rows: x.rows, size: rows, function: after, on: step.sink)
    }
  }
}

/// A gate and an up projection of one input: `activation(W_gate · x) · (W_up · x)` (Shazeer 2020).
struct GatedLinear: Sendable {
  /// Groups of 16 gate and up rows alternating, where both have one format.
  let fused: WeightMatrix?
  /// Else the gate's rows, then the up's.
  let parts: [(matrix: WeightMatrix, firstRow: Int)]
  let bias: Vector?
  /// Of each.
  let rows: Int
  let columns: Int
  let lowRank: LowRank?

  func callAsFunction(_ x: NormedTensor, _ function: Activation.Function, _ step: StepBuilder) throws -> Tensor {
    let y = step.tensor(rows: x.rows, columns: rows)
    if let fused {
      let x = try x.ready(for: [fused], step)
      try step.operators.product.enqueue(
        x.tensor, fused, into: y, tokens: x.rows, norm: x.norm, epilogue: .init(gate: function),
        workspace: step.productWorkspace(rows: x.rows, columns: x.tensor.columns), on: step.sink)
      return y
    }
    let both = step.tensor(rows: x.rows, columns: 2 * rows)
    try Linear(parts: parts, bias: bias, rows: 2 * rows, columns: columns, lowRank: lowRank).into(both, x, step)
    try step.operators.activation.enqueue(
      both, into: y, rows: x.rows, size: rows, function: function, isGated: true, on: step.sink)
    return y
  }
}

extension StepBuilder {
  /// Rows of `columns` floats: the first of those of `x`, or all of them and zeros.
  func resized(_ x: Tensor, columns: Int) throws -> Tensor {
    guard columns != x.columns else { return x }
    let y = tensor(rows: x.rows, columns: columns)
    try operators.rowGather.enqueue(
      x, indices: nil, into: y, rows: x.rows, columns: min(x.columns, columns), xStride: x.columns, yStride: columns,
      on: sink)
    return y
  }
}

extension NormedTensor {
  /// As wide as the matrices' padded columns, and with its norm applied unless the products do so; norms are left to them only where
  /// nothing is padded.
  ///
  /// - Parameter appliesNorm: in any case.
  func ready(for matrices: [WeightMatrix], appliesNorm: Bool = false, _ step: StepBuilder) throws -> NormedTensor {
    guard let columns = matrices.first?.shape.columns else { return self }
    if let norm, appliesNorm || !matrices.allSatisfy({ step.operators.product.fusesNorm(of: $0.shape.format) }) {
      let y = step.tensor(rows: rows, columns: tensor.columns)
      try step.operators.rmsNorm.enqueue(
        tensor, weight: norm.weight, into: y, rows: NormRows(columns: tensor.columns), count: rows,
        epsilon: norm.epsilon, on: step.sink)
      return NormedTensor(try step.resized(y, columns: columns))
    }
    return NormedTensor(try step.resized(tensor, columns: columns), norm: norm)
  }
}
