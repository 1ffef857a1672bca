/// A decoder of layers one behind another. It can run a range of them: hidden states in and out.
protocol StackedDecoder: CausalLanguageModel {
  associatedtype Layer: DecoderLayer
  var embedding: TokenEmbedding { get }
  var layers: [Layer] { get }
  var norm: Normalization { get }
  var head: OutputHead { get }
  /// The hidden states that the first layer takes, of all tokens.
  func embed(_ step: StepBuilder) throws -> Tensor
}

/// A layer of a decoder in two halves, of which only the first needs all tokens.
protocol DecoderLayer: Sendable {
  /// Returns what the layer's last attention gathers, and the residual stream that it is added to.
  func attend(_ x: Tensor, _ step: StepBuilder) throws -> (x: Tensor, attended: Tensor)
  /// Computes what follows, row by row.
  func finish(_ x: Tensor, _ attended: Tensor, _ step: StepBuilder) throws -> Tensor
}

extension StackedDecoder {
  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }

  /// The hidden states behind some of the layers; behind the last one, of the rows that are wanted.
  func run(_ range: Range<Int>, on x: Tensor, _ step: StepBuilder) throws -> Tensor {
    var x = x
    step.sink.endPart()
    for index in range {
      var attended: Tensor
      (x, attended) = try layers[index].attend(x, step)
      if index == layers.count - 1 { (x, attended) = (try step.selectedOutputs(x), try step.selectedOutputs(attended)) }
      x = try layers[index].finish(x, attended, step)
      step.sink.endPart()
    }
    return x
  }

  func hidden(_ step: StepBuilder) throws -> Tensor {
    if let count = step.shape.layerCount, count < layers.count {
      return try step.selectedOutputs(run(0..<count, on: embed(step), step))
    }
    return try norm(run(0..<layers.count, on: embed(step), step), step)
  }

  func logits(_ hidden: Tensor, _ step: StepBuilder) throws -> Tensor { try head(hidden, step) }
}
