import TesseraOperators

/// The layers between two norms that work row by row, plain or gated.
enum FeedForward: Sendable {
  case plain(MLP)
  case gated(GatedMLP)

  func callAsFunction(_ x: NormedTensor, adding residual: Tensor, _ step: StepBuilder) throws -> Tensor {
    switch self {
    case .plain(let mlp): try mlp(x, adding: residual, step)
    case .gated(let mlp): try mlp(x, adding: residual, step)
    }
  }
}
