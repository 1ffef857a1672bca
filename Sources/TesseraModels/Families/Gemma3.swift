import TesseraOperators

/// Gemma 3 (Gemma Team 2025): norms before and after each block, QK-norm, GeGLU, tied embeddings scaled by √size; every
/// sixth layer attends over all keys, the others over a sliding window and with a rotary base of their own.
struct Gemma3: StackedDecoder {
  static let ggufNames = ["gemma3"]
  static let huggingFaceNames = ["Gemma3ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .geluTanh, interleavesInGGUF: false)
    let pattern = try c.int(
      "sliding_window_pattern", gguf: "attention.sliding_window_pattern", in: 1...1024, default: 6)
    // A GGUF file without a window has layers of the other kind only.
    let hasLocal = sizes.slidingWindow != nil || !c.isGGUF
    let isLocal =
      sizes.layersHaveWindow ?? (0..<sizes.layerCount).map { hasLocal && $0 % pattern != pattern - 1 }
    let windows = isLocal.map { $0 ? sizes.slidingWindow : nil }
    let localTheta =
      try c.optionalPositive("rope_local_base_freq", gguf: "rope.freq_base_swa")
      ?? RopeParameters.theta(c, "sliding_attention") ?? 10_000
    try c.require("attention_bias", false)
    try c.require("use_bidirectional_attention", false)
    let scoreCap = try c.optionalPositive("attn_logit_softcapping", gguf: "attn_logit_softcapping")
    profile = sizes.profile(
      rotaryTables: [
        try sizes.rotaryTable(c), try RotaryTable(rotaryDim: sizes.rotaryDim, ropeTheta: localTheta),
      ], windows: windows)
    // GGUF does not say it: the 27B model, alone in having 62 layers, scales by the size that its heads would have if
    // they shared the embedding.
    let ggufDim = sizes.layerCount == 62 ? max(1, sizes.hiddenSize / sizes.headCounts[0]) : sizes.headDim
    let scaledDim = try c.positive("query_pre_attn_scalar", gguf: nil, default: c.isGGUF ? Double(ggufDim) : 256)
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model, scale: Float(sizes.hiddenSize).squareRoot())
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      // In a folder a norm's weight is less one.
      func norm(_ name: String, _ gguf: String, _ size: Int, _ scope: ParameterScope) throws -> Normalization {
        try scope.rmsNorm(name, gguf: gguf, size: size, epsilon: sizes.normEpsilon, offset: 1)
      }
      var attention = try sizes.attention(
        index, layer, scale: 1 / Float(scaledDim).squareRoot(), softCap: scoreCap, rotaryTable: isLocal[index] ? 1 : 0)
      let heads = layer.scope("self_attn", gguf: "")
      attention.queryNorm = try norm("q_norm", "attn_q_norm", sizes.headDim, heads)
      attention.keyNorm = try norm("k_norm", "attn_k_norm", sizes.headDim, heads)
      return TransformerLayer(
        attentionNorm: try norm("input_layernorm", "attn_norm", sizes.hiddenSize, layer), attention: attention,
        mlpNorm: try norm("pre_feedforward_layernorm", "ffn_norm", sizes.hiddenSize, layer),
        mlp: .gated(try sizes.gatedMLP(index, layer)),
        attentionPostNorm: try norm("post_attention_layernorm", "post_attention_norm", sizes.hiddenSize, layer),
        mlpPostNorm: try norm("post_feedforward_layernorm", "post_ffw_norm", sizes.hiddenSize, layer))
    }
    norm = try model.rmsNorm("norm", gguf: "output_norm", size: sizes.hiddenSize, epsilon: sizes.normEpsilon, offset: 1)
    head = try p.outputHead(
      tiedTo: embedding, softCap: c.optionalPositive("final_logit_softcapping", gguf: "final_logit_softcapping"))
  }
}
