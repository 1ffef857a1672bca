import TesseraOperators

/// OLMo 2 (OLMo Team 2024): norms behind each block instead of before it, and of all queries and of all keys together.
struct OLMo2: StackedDecoder {
  static let ggufNames = ["olmo2"]
  static let huggingFaceNames = ["Olmo2ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu, interleavesInGGUF: false)
    let bias = try c.bias("attention_bias")
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
        attention: attention, mlp: .gated(try sizes.gatedMLP(index, layer)),
        attentionPostNorm: try sizes.norm("post_attention_layernorm", "post_attention_norm", layer),
        mlpPostNorm: try sizes.norm("post_feedforward_layernorm", "post_ffw_norm", layer))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
