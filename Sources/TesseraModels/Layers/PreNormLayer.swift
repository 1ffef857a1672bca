/// A decoder layer of attention and a gated MLP, each behind a norm and added to the residual stream.
struct PreNormLayer: Sendable {
  let attentionNorm: Normalization
  let attention: Attention
  let mlpNorm: Normalization
  let mlp: GatedMLP

  /// - Parameter isLast: of what follows attention only the rows that are wanted are computed.
  func callAsFunction(_ x: Tensor, isLast: Bool, _ step: StepBuilder) throws -> Tensor {
    var (x, attended) = (x, try attention(attentionNorm.input(x, step), step))
    if isLast { (x, attended) = (try step.selectedOutputs(x), try step.selectedOutputs(attended)) }
    x = try attention.output(attended, adding: x, step)
    return try mlp(mlpNorm.input(x, step), adding: x, step)
  }
}
