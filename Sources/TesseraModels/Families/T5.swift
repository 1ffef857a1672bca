import Foundation
import TesseraOperators

/// T5 and FLAN-T5 (Raffel et al. 2020; version 1.1, Shazeer 2020), mT5 (Xue et al. 2021) and UMT5 (Chung et al. 2023):
/// RMSNorm, relative bias instead of positions, unscaled scores.
struct T5: StackedDecoder, EncoderDecoder {
  static let ggufNames = ["t5"]
  static let huggingFaceNames = [
    "T5ForConditionalGeneration",
    "MT5ForConditionalGeneration",
    "UMT5ForConditionalGeneration",
  ]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let encoder, layers: [EncoderDecoderLayer]
  let encoderNorm, norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let s = try T5Sizes(c)
    profile = s.profile
    embedding = try p.embedding("shared", gguf: "token_embd", rows: s.vocabularySize, size: s.hiddenSize)
    encoder = try s.layers(p.scope("encoder", gguf: "enc"), isDecoder: false)
    encoderNorm = try p.rmsNorm(
      "encoder.final_layer_norm", gguf: "enc.output_norm", size: s.hiddenSize, epsilon: s.epsilon)
    layers = try s.layers(p.scope("decoder", gguf: "dec"), isDecoder: true)
    norm = try p.rmsNorm(
      "decoder.final_layer_norm", gguf: "dec.output_norm", size: s.hiddenSize, epsilon: s.epsilon)
    // Tied embeddings are as large as tokens, not as logits.
    head = try p.outputHead(tiedTo: embedding, tiedScale: 1 / Float(s.hiddenSize).squareRoot())
    // The embedding again; and biases that the first checkpoints have and nothing computes with.
    p.ignore([
      "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
      "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
    ])
  }

  func encode(_ step: StepBuilder) throws -> Tensor {
    let x = try encoderNorm(encoder.encode(embedding(step), step), step)
    try layers.store(x, step)
    return x
  }
}
