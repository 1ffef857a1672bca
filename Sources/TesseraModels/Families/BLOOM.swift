import TesseraOperators

/// BLOOM (BigScience 2022): ALiBi instead of positions, a norm behind the embedding, a plain MLP, biases throughout;
/// queries, keys and values alternate head by head.
struct BLOOM: StackedDecoder {
  static let ggufNames = ["bloom"]
  static let huggingFaceNames = ["BloomForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let embeddingNorm: Normalization
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    names.layerCount = c.present("n_layer", "num_hidden_layers") ?? names.layerCount
    names.hiddenSize = c.present("hidden_size", "n_embed") ?? names.hiddenSize
    names.headCount = c.present("n_head", "num_attention_heads") ?? names.headCount
    (names.kvHeadCount, names.intermediateSize) = (nil, nil)
    (names.contextLength, names.normEpsilon) = ("seq_length", "layer_norm_epsilon")
    (names.attention, names.output) = ("self_attention", "dense")
    names.fused = .init(name: "query_key_value", order: .grouped)
    (names.up, names.down) = ("dense_h_to_4h", "dense_4h_to_h")
    let sizes = try DecoderSizes(
      c, activation: .geluTanh, names, norm: .layer, epsilon: 1e-5, mlpRatio: 4, context: 2048, rotation: .none,
      interleavesInGGUF: false)
    try c.require("apply_residual_connection_post_layernorm", false)
    profile = sizes.profile(rotaryTables: [])
    let slopes = try p.vector(of: ALiBi.slopes(headCount: sizes.headCounts[0]), named: "ALiBi's slopes")
    // Folders of the bare model have no prefix.
    let model = p.has("word_embeddings", gguf: "token_embd") ? p : p.scope("transformer", gguf: "")
    embedding = try sizes.embedding(model, named: "word_embeddings")
    embeddingNorm = try sizes.norm("word_embeddings_layernorm", "token_embd_norm", model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("h.\(index)", gguf: "blk.\(index)")
      var attention = try sizes.attention(index, layer, bias: .required, rotaryTable: nil)
      attention.extras.slopes = slopes
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer), attention: attention,
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .plain(try sizes.plainMLP(index, layer, bias: .required)))
    }
    norm = try sizes.norm("ln_f", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try embeddingNorm(embedding(step), step) }
}
