import TesseraOperators

/// A layer of an encoder-decoder's stacks: attention, in the decoder attention over the source, and a feed-forward block,
/// each added to the residual stream.
struct EncoderDecoderLayer: DecoderLayer {
  enum Norms: Sendable {
    /// Of what a block takes.
    case before
    /// Of each sum (Vaswani et al. 2017).
    case behind
  }

  var norms = Norms.before
  let attentionNorm: Normalization
  let attention: Attention
  let cross: (norm: Normalization, attention: CrossAttention)?
  /// nil: the last of a stack's norms, where norms are behind, is the stack's own.
  let feedForwardNorm: Normalization?
  let feedForward: FeedForward

  func attend(_ x: Tensor, _ step: StepBuilder) throws -> (x: Tensor, attended: Tensor) {
    let attended = try attention(input(x, attentionNorm, step), step)
    guard let cross else { return (x, attended) }
    let x = try sum(attention.output(attended, adding: x, step), attentionNorm, step)
    return (x, try cross.attention(input(x, cross.norm, step), step))
  }

  func finish(_ x: Tensor, _ attended: Tensor, _ step: StepBuilder) throws -> Tensor {
    let added = try (cross?.attention.output ?? attention.output)(attended, adding: x, step)
    let x = try sum(added, cross?.norm ?? attentionNorm, step)
    return try sum(feedForward(input(x, feedForwardNorm, step), adding: x, step), feedForwardNorm, step)
  }

  private func input(_ x: Tensor, _ norm: Normalization?, _ step: StepBuilder) throws -> NormedTensor {
    switch norms {
    case .before: try norm?.input(x, step) ?? NormedTensor(x)
    case .behind: NormedTensor(x)
    }
  }

  private func sum(_ x: Tensor, _ norm: Normalization?, _ step: StepBuilder) throws -> Tensor {
    switch norms {
    case .before: x
    case .behind: try norm?(x, step) ?? x
    }
  }
}

extension [EncoderDecoderLayer] {
  /// An encoder's hidden states, before its last norm.
  func encode(_ x: Tensor, _ step: StepBuilder) throws -> Tensor {
    var x = x
    for layer in self {
      let (residual, attended) = try layer.attend(x, step)
      x = try layer.finish(residual, attended, step)
    }
    return x
  }

  /// A decoder stores what it sees of a source, once.
  func store(_ source: Tensor, _ step: StepBuilder) throws {
    for layer in self { try layer.cross?.attention.store(source, step) }
  }
}
