import TesseraOperators

/// Qwen3's models with experts (Yang et al. 2025): Qwen3 whose MLPs are a mixture of experts.
struct Qwen3MoE: StackedDecoder {
  static let ggufNames = ["qwen3moe"]
  static let huggingFaceNames = ["Qwen3MoeForCausalLM"]
  static let kind = FamilyKind.experts

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu, interleavesInGGUF: false)
    let experts = try ExpertSizes(c, usualSize: sizes.intermediateSizes[0])
    let gate = try ExpertRouter.Gate.softmax(c, isNormalizedInGGUF: true)
    let areDense = try sizes.layersAreDense(c)
    let bias = try c.bias("attention_bias")
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)], windows: try sizes.laterWindows(c))
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      var attention = try sizes.attention(index, layer, bias: bias)
      attention.queryNorm = try sizes.norm("self_attn.q_norm", "attn_q_norm", layer, size: sizes.headDim)
      attention.keyNorm = try sizes.norm("self_attn.k_norm", "attn_k_norm", layer, size: sizes.headDim)
      let mlpNorm = try sizes.norm("post_attention_layernorm", "ffn_norm", layer)
      let mlp: FeedForward =
        areDense[index]
        ? .gated(try sizes.gatedMLP(index, layer))
        : .experts(try sizes.experts(experts, layer.scope("mlp", gguf: ""), gate: gate))
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer), attention: attention, mlpNorm: mlpNorm,
        mlp: mlp)
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
