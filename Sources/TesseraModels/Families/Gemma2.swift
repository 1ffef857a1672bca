import TesseraOperators

/// Gemma 2 (Gemma Team 2024): Gemma with norms before and after each block, soft caps of scores and logits, and a
/// sliding window in every other layer.
struct Gemma2: StackedDecoder {
  static let ggufNames = ["gemma2"]
  static let huggingFaceNames = ["Gemma2ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .geluTanh, interleavesInGGUF: false)
    try c.require("attention_bias", false)
    try c.require("use_bidirectional_attention", false)
    let scoreCap = try c.optionalPositive("attn_logit_softcapping", gguf: "attn_logit_softcapping")
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)], windows: sizes.windows(pattern: 2))
    // GGUF does not say it: the 27B model, alone in having 46 layers, scales by the size that its heads would have if
    // they shared the embedding.
    let ggufDim = sizes.layerCount == 46 ? max(1, sizes.hiddenSize / sizes.headCounts[0]) : sizes.headDim
    let scaledDim = try c.positive("query_pre_attn_scalar", gguf: nil, default: c.isGGUF ? Double(ggufDim) : 256)
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model, scale: Float(sizes.hiddenSize).squareRoot())
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer, offset: 1),
        attention: try sizes.attention(index, layer, scale: 1 / Float(scaledDim).squareRoot(), softCap: scoreCap),
        mlpNorm: try sizes.norm("pre_feedforward_layernorm", "ffn_norm", layer, offset: 1),
        mlp: .gated(try sizes.gatedMLP(index, layer)),
        attentionPostNorm: try sizes.norm("post_attention_layernorm", "post_attention_norm", layer, offset: 1),
        mlpPostNorm: try sizes.norm("post_feedforward_layernorm", "post_ffw_norm", layer, offset: 1))
    }
    norm = try sizes.norm("norm", "output_norm", model, offset: 1)
    head = try p.outputHead(
      tiedTo: embedding, softCap: c.optionalPositive("final_logit_softcapping", gguf: "final_logit_softcapping"))
  }
}
