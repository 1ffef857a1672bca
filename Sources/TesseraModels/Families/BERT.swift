import TesseraOperators

/// BERT (Devlin et al. 2019): an encoder with learned positions and segments, and a norm behind each block.
struct BERT: Encoder {
  static let ggufNames = ["bert"]
  static let huggingFaceNames = ["BertModel", "BertForMaskedLM", "BertForPreTraining"]

  struct Layer: Sendable {
    let attention: Attention
    let attentionNorm: Normalization
    let mlp: MLP
    let mlpNorm: Normalization

    func callAsFunction(_ x: Tensor, _ step: StepBuilder) throws -> Tensor {
      let x = try attentionNorm(attention.output(attention(NormedTensor(x), step), adding: x, step), step)
      return try mlpNorm(mlp(NormedTensor(x), adding: x, step), step)
    }
  }

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let positions, segments: AddedEmbedding
  let embeddingNorm: Normalization
  let layers: [Layer]

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let layerCount = try c.int("num_hidden_layers", gguf: "block_count", in: 1...1024)
    let size = try c.int("hidden_size", gguf: "embedding_length", in: 1...1 << 20)
    let headCount = try c.int("num_attention_heads", gguf: "attention.head_count", in: 1...size)
    guard size.isMultiple(of: headCount) else { throw c.inconsistent("\(headCount) heads of \(size) columns") }
    let inner = try c.int("intermediate_size", gguf: "feed_forward_length", in: 1...1 << 24)
    let context = try c.int("max_position_embeddings", gguf: "context_length", in: 1...1 << 20)
    let epsilon = try c.positive("layer_norm_eps", gguf: "attention.layer_norm_epsilon", under: 1, default: 1e-12)
    let activation = try Activation.Function(named: c.optionalString("hidden_act", gguf: nil) ?? "gelu", c)
    let storedSegments = c.isGGUF ? c.checkpoint.tensor(named: "token_types.weight")?.rowCount : nil
    let segmentCount = try c.int("type_vocab_size", gguf: nil, in: 1...1 << 16, default: storedSegments ?? 2)
    try c.require("position_embedding_type", "absolute")
    try c.require("is_decoder", gguf: "attention.causal", false)
    try c.require("add_cross_attention", false)
    let vocabulary = try DecoderSizes.vocabularySize(c, hiddenSize: size)
    let headDim = size / headCount
    var profile = ModelProfile(
      architecture: c.architecture, layerCount: layerCount, hiddenSize: size, intermediateSize: inner,
      vocabularySize: vocabulary, contextLength: context,
      attentionGroups: [
        .init(
          layers: Array(0..<layerCount), headCount: headCount, kvHeadCount: headCount, headDim: headDim,
          kind: .transient)
      ], activation: activation)
    profile.segmentCount = segmentCount
    self.profile = profile

    let model = p.has("embeddings.word_embeddings", gguf: "token_embd") ? p : p.scope("bert", gguf: "")
    let embeddings = model.scope("embeddings", gguf: "")
    embedding = try embeddings.embedding("word_embeddings", gguf: "token_embd", rows: vocabulary, size: size)
    positions = try embeddings.addedEmbedding(
      "position_embeddings", gguf: "position_embd", rows: context, size: size)
    segments = try embeddings.addedEmbedding(
      "token_type_embeddings", gguf: "token_types", rows: segmentCount, size: size)
    embeddingNorm = try embeddings.layerNorm("LayerNorm", gguf: "token_embd_norm", size: size, epsilon: epsilon)
    layers = try (0..<layerCount).map { index in
      let layer = model.scope("encoder.layer.\(index)", gguf: "blk.\(index)")
      func linear(_ name: String, _ gguf: String, rows: Int, columns: Int) throws -> Linear {
        try layer.linear(name, gguf: gguf, rows: rows, columns: columns, bias: .required)
      }
      return Layer(
        attention: Attention(
          projections: try layer.linear(
            parts: [
              .init("attention.self.query", gguf: "attn_q", rows: size),
              .init("attention.self.key", gguf: "attn_k", rows: size),
              .init("attention.self.value", gguf: "attn_v", rows: size),
            ], columns: size, bias: .required),
          output: try linear("attention.output.dense", "attn_output", rows: size, columns: size),
          options: .init(
            headCount: headCount, kvHeadCount: headCount, headDim: headDim, layer: index,
            scale: 1 / Float(headDim).squareRoot())),
        attentionNorm: try layer.layerNorm(
          "attention.output.LayerNorm", gguf: "attn_output_norm", size: size, epsilon: epsilon),
        mlp: MLP(
          up: try linear("intermediate.dense", "ffn_up", rows: inner, columns: size),
          down: try linear("output.dense", "ffn_down", rows: size, columns: inner), activation: activation),
        mlpNorm: try layer.layerNorm("output.LayerNorm", gguf: "layer_output_norm", size: size, epsilon: epsilon))
    }
    // Heads that were trained with, and are no part of the encoder.
    model.ignore(["pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"])
    p.ignore(p.store.checkpoint.tensors.map(\.name).filter { $0.hasPrefix("cls.") })
  }

  func hidden(_ step: StepBuilder) throws -> Tensor {
    var x = try positions(embedding(step), by: step.inputs.positions, step)
    x = try embeddingNorm(segments(x, by: step.inputs.tokenTypes, step), step)
    for layer in layers { x = try layer(x, step) }
    return try step.selectedOutputs(x)
  }
}
