import TesseraOperators

/// StableLM (Bellagente et al. 2024): Llama with LayerNorm, of whose heads a quarter turns; StableLM 2 12B has
/// attention and MLP side by side, and a norm for each query and key head.
struct StableLM: StackedDecoder {
  static let ggufNames = ["stablelm"]
  static let huggingFaceNames = ["StableLmForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    names.normEpsilon = "layer_norm_eps"
    let sizes = try DecoderSizes(
      c, activation: .silu, names, norm: .layer, epsilon: 1e-5, rotation: .share(0.25), interleavesInGGUF: false)
    let bias = try c.bias("use_qkv_bias")
    let isParallel = try c.optionalBool("use_parallel_residual", gguf: "use_parallel_residual") ?? false
    let hasHeadNorms = try c.optionalBool("qk_layernorm", gguf: nil) ?? p.has(nil, gguf: "blk.0.attn_q_norm")
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      func headNorm(_ name: String, _ gguf: String, _ count: Int) throws -> Normalization? {
        guard hasHeadNorms else { return nil }
        return try layer.headNorm(
          .layer, "self_attn.\(name).norms", gguf: gguf, headCount: count, size: sizes.headDim,
          epsilon: sizes.normEpsilon, isApart: true)
      }
      var attention = try sizes.attention(index, layer, bias: bias, outputBias: BiasRule.none)
      attention.queryNorm = try headNorm("q_layernorm", "attn_q_norm", sizes.headCounts[index])
      attention.keyNorm = try headNorm("k_layernorm", "attn_k_norm", sizes.kvHeadCounts[index])
      let norm = try sizes.norm("input_layernorm", "attn_norm", layer)
      return TransformerLayer(
        attentionNorm: norm, attention: attention,
        mlpNorm: isParallel ? norm : try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer)), isParallel: isParallel)
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
