import TesseraOperators

/// gpt-oss (OpenAI 2025): a mixture of experts with biases and clamped gates, learned sinks in attention, a window in every other
/// layer.
struct GptOss: StackedDecoder {
  static let kind = FamilyKind.experts
  static let ggufNames = ["gpt-oss"]
  static let huggingFaceNames = ["GptOssForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var sizes = try DecoderSizes(c, activation: .silu, interleavesInGGUF: false)
    try c.require("swiglu_limit", 7)
    try c.require("swiglu_alpha", 1.702)
    sizes.activation = .clampedQuickGelu
    let experts = try ExpertSizes(
      c, count: "num_local_experts", size: sizes.intermediateSizes[0],
      storage: .alternating(gateUp: "experts.gate_up_proj", down: "experts.down_proj"), router: "router")
    c.record?.set("expert_feed_forward_length", experts.size)
    profile = sizes.profile(
      rotaryTables: [try sizes.rotaryTable(c, truncatesInGGUF: false)], windows: sizes.windows(pattern: 2))
    let bias = try c.bias("attention_bias", default: true)
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    let rows = sizes
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      var attention = try rows.attention(index, layer, bias: bias)
      attention.extras.sinks = try layer.vector(
        "self_attn.sinks", gguf: "attn_sinks.weight", "", count: rows.headCounts[index])
      return TransformerLayer(
        attentionNorm: try rows.norm("input_layernorm", "attn_norm", layer), attention: attention,
        mlpNorm: try rows.norm("post_attention_layernorm", "post_attention_norm", layer),
        mlp: .experts(try rows.experts(experts, layer.scope("mlp", gguf: ""), hasBiases: true)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
