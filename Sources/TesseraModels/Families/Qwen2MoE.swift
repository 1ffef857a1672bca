import TesseraOperators

/// Qwen 1.5 and 2 with experts (Yang et al. 2024): beside those that a token chooses, one that all tokens go through,
/// behind a gate of its own.
struct Qwen2MoE: StackedDecoder {
  static let ggufNames = ["qwen2moe"]
  static let huggingFaceNames = ["Qwen2MoeForCausalLM"]
  static let kind = FamilyKind.experts

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu, interleavesInGGUF: false)
    let experts = try ExpertSizes(c, usualSize: sizes.intermediateSizes[0])
    let sharedSize = try c.int(
      "shared_expert_intermediate_size", gguf: "expert_shared_feed_forward_length", in: 1...1 << 24,
      default: c.isGGUF ? sizes.intermediateSizes[0] : nil)
    let gate = try ExpertRouter.Gate.softmax(c, isNormalizedInGGUF: false)
    let areDense = try sizes.layersAreDense(c)
    let bias = c.isGGUF ? BiasRule.ifPresent : try c.bias("qkv_bias", default: true)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)], windows: try sizes.laterWindows(c))
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      func mixture() throws -> Experts {
        let mlp = layer.scope("mlp", gguf: "")
        let shared = Experts.Shared(
          mlp: try sizes.gatedMLP(size: sharedSize, mlp.scope("shared_expert", gguf: ""), kind: "_shexp"),
          gate: try mlp.linear("shared_expert_gate", gguf: "ffn_gate_inp_shexp", rows: 1, columns: sizes.hiddenSize))
        return try sizes.experts(experts, mlp, gate: gate, shared: shared)
      }
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: bias, outputBias: BiasRule.none),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: areDense[index] ? .gated(try sizes.gatedMLP(index, layer)) : .experts(try mixture()))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
