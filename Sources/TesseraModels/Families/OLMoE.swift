import TesseraOperators

/// OLMoE (Muennighoff et al. 2024): Llama with experts, and norms of all queries and of all keys together.
struct OLMoE: StackedDecoder {
  static let ggufNames = ["olmoe"]
  static let huggingFaceNames = ["OlmoeForCausalLM"]
  static let kind = FamilyKind.experts

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu, epsilon: 1e-5, interleavesInGGUF: false)
    let experts = try ExpertSizes(c, size: sizes.intermediateSizes[0])
    let gate = try ExpertRouter.Gate.softmax(c, isNormalizedInGGUF: false)
    let bias = try c.bias("attention_bias")
    try c.require("clip_qkv", gguf: "attention.clamp_kqv", .null)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      var attention = try sizes.attention(index, layer, bias: bias)
      let (queries, keys) = (attention.options.queryColumns, attention.options.keyColumns)
      attention.queryNorm = try sizes.norm("self_attn.q_norm", "attn_q_norm", layer, size: queries)
      attention.keyNorm = try sizes.norm("self_attn.k_norm", "attn_k_norm", layer, size: keys)
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer), attention: attention,
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .experts(try sizes.experts(experts, layer.scope("mlp", gguf: ""), gate: gate)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
