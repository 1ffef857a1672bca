import TesseraOperators

/// RMSNorm (Zhang & Sennrich 2019) or LayerNorm (Ba et al. 2016), with its weights.
struct Normalization: Sendable {
  enum Kind: Sendable {
    case rms
    case layer
  }

  let kind: Kind
  let weight: Vector  // (size)
  let bias: Vector?  // (size)
  let size: Int
  let epsilon: Float
  /// Weights are (heads, size): each head has its own.
  var hasHeadWeights = false

  /// `norm(x) (+ residual)` of every row.
  func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil, _ step: StepBuilder) throws -> Tensor {
    let y = step.tensor(rows: x.rows, columns: x.columns)
    try enqueue(x, into: y, rows: NormRows(columns: size), count: x.rows, residual: residual, step)
    return y
  }

  /// `norm(x)` for the products that follow: computed now, or left to them where they can do it.
  func input(_ x: Tensor, _ step: StepBuilder) throws -> NormedTensor {
    if kind == .rms, size.isMultiple(of: WeightFormat.f32.superBlockSize),
      step.operators.product.fusesNorm(tokens: x.rows)
    {
      return NormedTensor(x, norm: .init(weight: weight, epsilon: epsilon))
    }
    return NormedTensor(try self(x, step))
  }

  /// Normalizes `count` floats from column `column` on, `size` of them at a time, in place (QK-norm).
  func inPlace(_ x: Tensor, column: Int, count: Int, _ step: StepBuilder) throws {
    let view = x.view.advanced(byFloats: column)
    try enqueue(
      view, into: view,
      rows: NormRows(heads: count / size, columns: size, stride: x.columns, hasHeadWeights: hasHeadWeights),
      count: x.rows, residual: nil, step)
  }

  private func enqueue(
    _ x: any DeviceMemory, into y: any DeviceMemory, rows: NormRows, count: Int, residual: Tensor?, _ step: StepBuilder
  ) throws {
    switch kind {
    case .rms:
      try step.operators.rmsNorm.enqueue(
        x, weight: weight, into: y, rows: rows, count: count, epsilon: epsilon, residual: residual, on: step.sink)
    case .layer:
      try step.operators.layerNorm.enqueue(
        x, weight: weight, bias: bias, into: y, rows: rows, count: count, epsilon: epsilon, residual: residual,
        on: step.sink)
    }
  }
}

/// A tensor, and a norm that the products which take it are still to apply.
struct NormedTensor {
  let tensor: Tensor
  let norm: MatrixProduct.Norm?

  init(_ tensor: Tensor, norm: MatrixProduct.Norm? = nil) { (self.tensor, self.norm) = (tensor, norm) }

  var rows: Int { tensor.rows }
}
