import TesseraOperators

/// Qwen3 (Yang et al. 2025): Llama whose queries and keys are normalized, head by head.
struct Qwen3: StackedDecoder {
  static let ggufNames = ["qwen3"]
  static let huggingFaceNames = ["Qwen3ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu, interleavesInGGUF: false)
    let bias = try c.bias("attention_bias")
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)], windows: try sizes.laterWindows(c))
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      var attention = try sizes.attention(index, layer, bias: bias)
      attention.queryNorm = try sizes.norm("self_attn.q_norm", "attn_q_norm", layer, size: sizes.headDim)
      attention.keyNorm = try sizes.norm("self_attn.k_norm", "attn_k_norm", layer, size: sizes.headDim)
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer), attention: attention,
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
