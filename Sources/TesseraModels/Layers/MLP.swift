import TesseraOperators

/// `W_down · (activation(W_gate · x) · (W_up · x))` (Shazeer 2020).
struct GatedMLP: Sendable {
  let gateUp: GatedLinear
  let down: Linear
  let activation: Activation.Function

  /// `scale · mlp(x) (+ residual)`.
  func callAsFunction(_ x: NormedTensor, scale: Float = 1, adding residual: Tensor? = nil, _ step: StepBuilder) throws
    -> Tensor
  {
    try down(gateUp(x, activation, step), scale: scale, adding: residual, step)
  }
}

/// `W_down · activation(W_up · x)` (Vaswani et al. 2017).
struct MLP: Sendable {
  let up: Linear
  let down: Linear
  let activation: Activation.Function

  /// `scale · mlp(x) (+ residual)`.
  func callAsFunction(_ x: NormedTensor, scale: Float = 1, adding residual: Tensor? = nil, _ step: StepBuilder) throws
    -> Tensor
  {
    try down(up(x, activation: activation, step), scale: scale, adding: residual, step)
  }
}
