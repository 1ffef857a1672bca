import TesseraOperators

/// An encoder of layers one behind another.
protocol LayeredEncoder: Encoder {
  associatedtype Layer: EncoderLayer
  var layers: [Layer] { get }
  /// Behind the last layer, where there is one.
  var norm: Normalization? { get }
  /// What the first layer takes.
  func embed(_ step: StepBuilder) throws -> Tensor
}

protocol EncoderLayer: Sendable {
  func callAsFunction(_ x: Tensor, _ step: StepBuilder) throws -> Tensor
}

extension LayeredEncoder {
  var norm: Normalization? { nil }

  func hidden(_ step: StepBuilder) throws -> Tensor {
    var x = try embed(step)
    let count = step.shape.layerCount ?? layers.count
    for layer in layers.prefix(count) { x = try layer(x, step) }
    x = try step.selectedOutputs(x)
    return count < layers.count ? x : try norm?(x, step) ?? x
  }
}

/// Attention, and layers that work row by row; a norm is behind each sum with what came in (Vaswani et al. 2017).
struct PostNormLayer: EncoderLayer {
  var attention: Attention
  let attentionNorm: Normalization
  let feedForward: FeedForward
  let feedForwardNorm: Normalization

  func callAsFunction(_ x: Tensor, _ step: StepBuilder) throws -> Tensor {
    let x = try attentionNorm(attention.output(attention(NormedTensor(x), step), adding: x, step), step)
    return try feedForwardNorm(feedForward(NormedTensor(x), adding: x, step), step)
  }
}

/// What an encoder's first layer takes: rows of tokens, positions and segments, added and normalized
/// (Devlin et al. 2019).
struct EncoderEmbedding: Sendable {
  let tokens: TokenEmbedding
  var positions: AddedEmbedding?
  var segments: AddedEmbedding?
  let norm: Normalization
  /// To the hidden size, where rows have another.
  var projection: Linear?

  func callAsFunction(_ step: StepBuilder) throws -> Tensor {
    var x = try tokens(step)
    if let positions { x = try positions(x, by: step.inputs.positions, step) }
    if let segments { x = try segments(x, by: step.inputs.tokenTypes, step) }
    x = try norm(x, step)
    return try projection?(x, step) ?? x
  }
}
