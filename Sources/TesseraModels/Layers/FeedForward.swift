import TesseraOperators

/// The block of a layer that looks at one token alone.
enum FeedForward: Sendable {
  case plain(MLP)
  case gated(GatedMLP)

  /// `scale · block(x) (+ residual)`.
  func callAsFunction(_ x: NormedTensor, scale: Float = 1, adding residual: Tensor? = nil, _ step: StepBuilder) throws
    -> Tensor
  {
    switch self {
    case .plain(let mlp): try mlp(x, scale: scale, adding: residual, step)
    case .gated(let mlp): try mlp(x, scale: scale, adding: residual, step)
    }
  }
}
