import TesseraOperators

/// Granite 3's models with experts (IBM 2024): Granite whose MLPs are a mixture of experts, beside which, where the file
/// has one, is an MLP that all tokens go through.
struct GraniteMoE: StackedDecoder {
  static let ggufNames = ["granitemoe"]
  static let huggingFaceNames = ["GraniteMoeForCausalLM", "GraniteMoeSharedForCausalLM"]
  static let kind = FamilyKind.experts

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.gateUp, names.isGateUpFusedInGGUF, names.down) = ("input_linear", false, "output_linear")
    let sizes = try DecoderSizes(c, activation: .silu, names)
    let experts = try ExpertSizes(
      c, count: "num_local_experts", size: sizes.intermediateSizes[0],
      storage: .fused(gateUp: "input_linear", down: "output_linear"), router: "router.layer")
    let sharedSize = try c.int(
      "shared_intermediate_size", gguf: "expert_shared_feed_forward_length", in: 0...1 << 24, default: 0)
    let factors = try GraniteFactors(c)
    let bias = try c.bias("attention_bias")
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model, scale: factors.embedding)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      let shared =
        try sharedSize == 0
        ? nil : sizes.gatedMLP(size: sharedSize, layer.scope("shared_mlp", gguf: ""), kind: "_shexp")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: bias, scale: factors.scores),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .experts(
          try sizes.experts(
            experts, layer.scope("block_sparse_moe", gguf: ""), shared: shared.map { Experts.Shared(mlp: $0) })),
        residualScale: factors.residual)
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding, scale: factors.logits)
    p.ignore(RopeParameters.tensorNames)
  }
}
