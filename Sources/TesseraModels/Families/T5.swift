import Foundation
import TesseraOperators

/// T5 and FLAN-T5 (Raffel et al. 2020; version 1.1, Shazeer 2020): RMSNorm, relative bias instead of positions,
/// unscaled scores.
struct T5: EncoderDecoder {
  static let ggufNames = ["t5"]
  static let huggingFaceNames = ["T5ForConditionalGeneration", "MT5ForConditionalGeneration"]

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

  struct Layer: Sendable {
    let attentionNorm: Normalization
    let attention: Attention
    let cross: (norm: Normalization, attention: CrossAttention)?
    let feedForwardNorm: Normalization
    let feedForward: FeedForward

    func callAsFunction(_ x: Tensor, isLast: Bool, _ step: StepBuilder) throws -> Tensor {
      var x = try attention.output(attention(attentionNorm.input(x, step), step), adding: x, step)
      if let cross {
        var attended = try cross.attention(cross.norm.input(x, step), step)
        if isLast { (x, attended) = (try step.selectedOutputs(x), try step.selectedOutputs(attended)) }
        x = try cross.attention.output(attended, adding: x, step)
      }
      return try feedForward(feedForwardNorm.input(x, step), adding: x, step)
    }
  }

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let encoder, decoder: [Layer]
  let encoderNorm, decoderNorm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let s = try T5Sizes(c)
    profile = s.profile
    embedding = try p.embedding("shared", gguf: "token_embd", rows: s.vocabularySize, size: s.hiddenSize)
    encoder = try s.layers(p.scope("encoder", gguf: "enc"), isDecoder: false)
    encoderNorm = try p.rmsNorm(
      "encoder.final_layer_norm", gguf: "enc.output_norm", size: s.hiddenSize, epsilon: s.epsilon)
    decoder = try s.layers(p.scope("decoder", gguf: "dec"), isDecoder: true)
    decoderNorm = try p.rmsNorm(
      "decoder.final_layer_norm", gguf: "dec.output_norm", size: s.hiddenSize, epsilon: s.epsilon)
    // Tied embeddings are as large as tokens, not as logits.
    head = try p.outputHead(tiedTo: embedding, scale: 1 / Float(s.hiddenSize).squareRoot())
    // The embedding again; and biases that the first checkpoints have and nothing computes with.
    p.ignore([
      "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
      "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
    ])
  }

  func encode(_ step: StepBuilder) throws -> Tensor {
    var x = try embedding(step)
    for layer in encoder { x = try layer(x, isLast: false, step) }
    x = try encoderNorm(x, step)
    for layer in decoder { try layer.cross?.attention.store(x, step) }
    return x
  }

  func hidden(_ step: StepBuilder) throws -> Tensor {
    var x = try embedding(step)
    for (index, layer) in decoder.enumerated() { x = try layer(x, isLast: index == decoder.count - 1, step) }
    return try decoderNorm(x, step)
  }

  func logits(_ hidden: Tensor, _ step: StepBuilder) throws -> Tensor { try head(hidden, step) }
}
