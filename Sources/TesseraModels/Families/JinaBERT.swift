import TesseraOperators

/// JinaBERT v2 (Günther et al. 2023): BERT with ALiBi instead of positions, and a gated MLP.
struct JinaBERT: LayeredEncoder {
  static let ggufNames = ["jina-bert-v2"]
  static let huggingFaceNames = ["JinaBertModel", "JinaBertForMaskedLM"]

  let profile: ModelProfile
  let embedding: EncoderEmbedding
  let layers: [PostNormLayer]

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let kind = try c.optionalString("feed_forward_type", gguf: nil) ?? "geglu"
    guard let activation: Activation.Function = ["geglu": .geluErf, "reglu": .relu][kind] else {
      throw ModelError(
        .unsupportedFeature,
        "\(c.checkpoint.path): config.json's feed_forward_type \"\(kind)\": geglu and reglu are supported: use another model"
      )
    }
    let s = try EncoderSizes(c, names: .init(activation: nil), activation: activation)
    try c.require("position_embedding_type", "alibi")
    let storedSegments = c.isGGUF ? c.checkpoint.tensor(named: "token_types.weight")?.rowCount : nil
    let segmentCount = try c.int("type_vocab_size", gguf: nil, in: 1...1 << 16, default: storedSegments ?? 2)
    let model = p.has("embeddings.word_embeddings", gguf: "token_embd") ? p : p.scope("bert", gguf: "")
    let embeddings = model.scope("embeddings", gguf: "")
    embedding = EncoderEmbedding(
      tokens: try embeddings.embedding(
        "word_embeddings", gguf: "token_embd", rows: s.vocabularySize, size: s.hiddenSize),
      segments: try embeddings.addedEmbedding(
        "token_type_embeddings", gguf: "token_types", rows: segmentCount, size: s.hiddenSize),
      norm: try s.norm(embeddings, "LayerNorm", gguf: "token_embd_norm"))
    let slopes = try p.vector(of: ALiBi.slopes(headCount: s.headCount), named: "slopes")
    layers = try (0..<s.layerCount).map {
      try Self.layer($0, model.scope("encoder.layer.\($0)", gguf: "blk.\($0)"), s, slopes)
    }
    profile = s.profile(segmentCount: segmentCount)
    // Heads that were trained with, and are no part of the encoder.
    model.ignore(["pooler.dense.weight", "pooler.dense.bias"])
    p.ignore(p.store.checkpoint.tensors.map(\.name).filter { $0.hasPrefix("cls.") })
  }

  private static func layer(_ index: Int, _ p: ParameterScope, _ s: EncoderSizes, _ slopes: Vector) throws
    -> PostNormLayer
  {
    let (size, inner) = (s.hiddenSize, s.intermediateSize)
    let own = p.scope("attention.self", gguf: "")
    let mlp = p.scope("mlp", gguf: "")
    var attention = Attention(
      projections: try own.linear(
        parts: [
          .init("query", gguf: "attn_q", rows: size), .init("key", gguf: "attn_k", rows: size),
          .init("value", gguf: "attn_v", rows: size),
        ], columns: size, bias: .required),
      output: try p.linear(
        "attention.output.dense", gguf: "attn_output", rows: size, columns: size, bias: .required),
      options: s.attentionOptions(index))
    attention.extras.slopes = slopes
    return PostNormLayer(
      attention: attention,
      attentionNorm: try s.norm(p, "attention.output.LayerNorm", gguf: "attn_output_norm"),
      feedForward: .gated(
        GatedMLP(
          gateUp: try mlp.gatedLinear(
            gate: .init("gated_layers", gguf: "ffn_up", rows: inner, at: (0, 2 * inner)),
            up: .init("gated_layers", gguf: "ffn_up", rows: inner, at: (inner, 2 * inner)), columns: size),
          down: try mlp.linear("wo", gguf: "ffn_down", rows: size, columns: inner, bias: .required),
          activation: s.activation)),
      feedForwardNorm: try s.norm(mlp, "layernorm", gguf: "layer_output_norm"))
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }
}
