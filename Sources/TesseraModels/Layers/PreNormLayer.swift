/// A decoder layer of attention and a gated MLP, each behind a norm and added to the residual stream.
struct PreNormLayer: DecoderLayer {
  let attentionNorm: Normalization
  let attention: Attention
  let mlpNorm: Normalization
  let mlp: GatedMLP

  func attend(_ x: Tensor, _ step: StepBuilder) throws -> (x: Tensor, attended: Tensor) {
    (x, try attention(attentionNorm.input(x, step), step))
  }

  func finish(_ x: Tensor, _ attended: Tensor, _ step: StepBuilder) throws -> Tensor {
    let x = try attention.output(attended, adding: x, step)
    return try mlp(mlpNorm.input(x, step), adding: x, step)
  }
}
