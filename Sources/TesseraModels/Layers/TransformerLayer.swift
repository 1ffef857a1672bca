import TesseraOperators

/// A layer of a decoder: attention and a feed-forward block, each added to the residual stream.
///
/// As it is made, the blocks follow each other, each behind a norm (pre-norm). The other members say what is otherwise.
struct TransformerLayer: DecoderLayer {
  /// Of what a block takes; nil: it takes the stream as it is.
  var attentionNorm: Normalization?
  var attention: Attention
  var mlpNorm: Normalization?
  var mlp: FeedForward
  /// Of what a block gives, before it is added.
  var attentionPostNorm, mlpPostNorm: Normalization?
  /// Blocks take the stream as it is, and the norms are of the sums behind them (post-norm).
  var isPostNorm = false
  /// Both blocks take the layer's input, and both results are added to it.
  var isParallel = false
  /// Factor of what the blocks give.
  var residualScale: Float = 1

  func attend(_ x: Tensor, _ step: StepBuilder) throws -> (x: Tensor, attended: Tensor) {
    let norm = isPostNorm ? nil : attentionNorm
    return (x, try attention(norm?.input(x, step) ?? NormedTensor(x), step))
  }

  func finish(_ x: Tensor, _ attended: Tensor, _ step: StepBuilder) throws -> Tensor {
    guard !isPostNorm else {
      let sum = try attention.output(attended, scale: residualScale, adding: x, step)
      let y = try attentionNorm?(sum, step) ?? sum
      let result = try mlp(mlp.input(y, nil, step), scale: residualScale, adding: y, step)
      return try mlpNorm?(result, step) ?? result
    }
    let sum: Tensor
    if let attentionPostNorm {
      sum = try attentionPostNorm(attention.output(attended, scale: residualScale, step), adding: x, step)
    } else {
      sum = try attention.output(attended, scale: residualScale, adding: x, step)
    }
    let input = try mlp.input(isParallel ? x : sum, mlpNorm, step)
    guard let mlpPostNorm else { return try mlp(input, scale: residualScale, adding: sum, step) }
    return try mlpPostNorm(mlp(input, scale: residualScale, step), adding: sum, step)
  }
}
