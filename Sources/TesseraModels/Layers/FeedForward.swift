import TesseraOperators

/// The block of a layer that looks at one token alone.
enum FeedForward: Sendable {
  case plain(MLP)
  case gated(GatedMLP)
  case experts(Experts)

  /// What the block takes of `x`: experts' products apply no norm, so theirs is computed now.
  func input(_ x: Tensor, _ norm: Normalization?, _ step: StepBuilder) throws -> NormedTensor {
    if case .experts = self { return NormedTensor(try norm?(x, step) ?? x) }
    return try norm?.input(x, step) ?? NormedTensor(x)
  }

  /// `scale · block(x) (+ residual)`, of an `input`.
  func callAsFunction(_ x: NormedTensor, scale: Float = 1, adding residual: Tensor? = nil, _ step: StepBuilder) throws
    -> Tensor
  {
    switch self {
    case .plain(let mlp): try mlp(x, scale: scale, adding: residual, step)
    case .gated(let mlp): try mlp(x, scale: scale, adding: residual, step)
    case .experts(let experts): try experts(x.tensor, scale: scale, adding: residual, step)
    }
  }
}
