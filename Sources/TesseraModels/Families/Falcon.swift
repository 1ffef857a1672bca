import TesseraOperators

/// Falcon (Almazrouei et al. 2023): attention with one key and value head and a plain MLP side by side behind one
/// LayerNorm. The new architecture (40B) has groups of heads, and two norms; the first models (RefinedWeb) have ALiBi
/// instead of rotation, and MLPs behind attention.
struct Falcon: StackedDecoder {
  static let ggufNames = ["falcon"]
  static let huggingFaceNames = ["FalconForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    func option(_ name: String, _ fallback: Bool) throws -> Bool { try c.optionalBool(name, gguf: nil) ?? fallback }
    let isNew = try option("new_decoder_architecture", false)
    let hasALiBi = try option("alibi", false)
    let isParallel = try isNew || option("parallel_attn", true)
    let isShared = try option("multi_query", true) && !isNew
    let bias = try option("bias", false) ? BiasRule.required : BiasRule.none
    var names = DecoderNames()
    names.kvHeadCount = isNew || c.isGGUF ? "num_kv_heads" : nil
    (names.intermediateSize, names.normEpsilon) = ("ffn_hidden_size", "layer_norm_epsilon")
    (names.activation, names.attention, names.output) = ("activation", "self_attention", "dense")
    names.fused = .init(name: "query_key_value", order: .grouped)
    (names.up, names.down) = ("dense_h_to_4h", "dense_4h_to_h")
    let sizes = try DecoderSizes(
      c, activation: .geluErf, names, norm: .layer, epsilon: 1e-5, kvHeads: isShared ? 1 : nil, mlpRatio: 4,
      context: 2048, rotation: hasALiBi ? .none : .whole, interleavesInGGUF: false)
    let normCount = try c.int("num_ln_in_parallel_attn", gguf: nil, in: 1...2, default: isNew ? 2 : 1)
    let hasTwo = c.isGGUF ? p.has(nil, gguf: "blk.0.attn_norm_2") : isNew && normCount == 2
    profile = sizes.profile(rotaryTables: hasALiBi ? [] : [try sizes.rotaryTable(c)])
    let scale = 1 / Float(sizes.headDim).squareRoot()
    // Slopes are added before scores are scaled.
    let slopes =
      hasALiBi
      ? try p.vector(of: ALiBi.slopes(headCount: sizes.headCounts[0]).map { $0 * scale }, named: "ALiBi's slopes") : nil
    let model = p.scope("transformer", gguf: "")
    embedding = try sizes.embedding(model, named: "word_embeddings")
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("h.\(index)", gguf: "blk.\(index)")
      let norm = try sizes.norm(
        hasTwo ? "ln_attn" : "input_layernorm", hasTwo ? "attn_norm_2" : "attn_norm", layer)
      var attention = try sizes.attention(index, layer, bias: bias, rotaryTable: hasALiBi ? nil : 0)
      attention.extras.slopes = slopes
      let mlpNorm =
        try hasTwo
        ? sizes.norm("ln_mlp", "attn_norm", layer)
        : isParallel ? norm : sizes.norm("post_attention_layernorm", nil, layer)
      return TransformerLayer(
        attentionNorm: norm, attention: attention, mlpNorm: mlpNorm,
        mlp: .plain(try sizes.plainMLP(index, layer, bias: bias)), isParallel: isParallel)
    }
    norm = try sizes.norm("ln_f", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
