import TesseraOperators

/// DeepSeek-V2 and V3 (DeepSeek-AI 2024): latent attention, and experts in groups beside some that all tokens go through.
struct DeepSeek: StackedDecoder {
  static let ggufNames = ["deepseek2"]
  static let huggingFaceNames = ["DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM"]
  static let kind = FamilyKind.experts

  struct Layer: DecoderLayer {
    let attentionNorm: Normalization
    let attention: LatentAttention
    let mlpNorm: Normalization
    let mlp: FeedForward

    func attend(_ x: Tensor, _ step: StepBuilder) throws -> (x: Tensor, attended: Tensor) {
      (x, try attention(attentionNorm.input(x, step), step))
    }

    func finish(_ x: Tensor, _ attended: Tensor, _ step: StepBuilder) throws -> Tensor {
      let x = try attention.output(attended, adding: x, step)
      return try mlp(mlp.input(x, mlpNorm, step), adding: x, step)
    }
  }

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [Layer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let isThird = c.architecture == "DeepseekV3ForCausalLM"
    let rotaryDim = try c.int("qk_rope_head_dim", gguf: "rope.dimension_count", in: 2...512)
    let sizes = try DecoderSizes(
      c, activation: .silu, latentRotary: rotaryDim,
      pairing: c.optionalBool("rope_interleave", gguf: nil) ?? true ? .interleaved : .neox, interleavesInGGUF: false)
    let latent = try LatentSizes(c, sizes, rotaryDim: rotaryDim)
    let experts = try ExpertSizes(c, count: "n_routed_experts")
    let sharedSize =
      try experts.size * c.int("n_shared_experts", gguf: "expert_shared_count", in: 0...1024, default: 0)
    let denseCount = try c.int(
      "first_k_dense_replace", gguf: "leading_dense_block_count", in: 0...sizes.layerCount, default: 0)
    try c.require("moe_layer_freq", 1)
    let (scaling, scoreScale) = try RopeParameters.scaledYarn(c, contextLength: sizes.contextLength)
    let table = try RotaryTable(rotaryDim: rotaryDim, ropeTheta: sizes.ropeTheta, scaling: scaling)
    let bias = try c.bias("attention_bias")
    var profile = sizes.profile(rotaryTables: [table])
    profile.attentionGroups = [latent.group(sizes)]
    self.profile = profile
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      func mixture() throws -> Experts {
        let mlp = layer.scope("mlp", gguf: "")
        let gate = try ExpertRouter.Gate(c, mlp, count: experts.count, isThird: isThird)
        let shared =
          try sharedSize == 0
          ? nil : sizes.gatedMLP(size: sharedSize, mlp.scope("shared_experts", gguf: ""), kind: "_shexp")
        return try sizes.experts(experts, mlp, gate: gate, shared: shared.map { Experts.Shared(mlp: $0) })
      }
      return Layer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try latent.attention(index, layer, sizes, bias: bias, scoreScale: scoreScale),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: index < denseCount ? .gated(try sizes.gatedMLP(index, layer)) : .experts(try mixture()))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
    // Layers that predict the tokens after the next.
    let further = p.store.checkpoint.tensors.map(\.name).filter { name in
      let parts = name.split(separator: ".")
      return parts.count > 2 && parts[1] == "layers" && (Int(parts[2]) ?? 0) >= sizes.layerCount
    }
    if !c.isGGUF { p.ignore(further) }
  }
}

extension ExpertRouter.Gate {
  /// DeepSeek's: V2 weighs with the softmax of all scores, V3 with sigmoids, which a bias evens out for the choice alone.
  fileprivate init(_ c: Hyperparameters, _ p: ParameterScope, count: Int, isThird: Bool) throws {
    // Their numbers in GGUF files.
    let number = try c.int(nil, gguf: "expert_gating_func", in: 1...2, default: isThird ? 2 : 1)
    let isSigmoid = number == 2
    try c.require("scoring_func", .string(isThird ? "sigmoid" : "softmax"))
    try c.require("topk_method", "greedy", "group_limited_greedy", "noaux_tc")
    c.record?.set("expert_gating_func", number)
    self.init(
      isSigmoid ? .sigmoid : .softmax,
      isNormalized: try c.optionalBool("norm_topk_prob", gguf: "expert_weights_norm") ?? isThird,
      scale: Float(
        try c.optionalPositive("routed_scaling_factor", gguf: "expert_weights_scale") ?? (isThird ? 2.5 : 1)))
    let isGreedy = try c.optionalString("topk_method", gguf: nil) == "greedy"
    groupCount = try c.int("n_group", gguf: "expert_group_count", in: 1...64, default: isThird ? 8 : 1)
    topGroups = try c.int("topk_group", gguf: "expert_group_used_count", in: 1...groupCount, default: isThird ? 4 : 1)
    if isGreedy || groupCount == 1 { (groupCount, topGroups) = (1, 1) }
    guard count.isMultiple(of: groupCount) else { throw c.inconsistent("\(count) experts in \(groupCount) groups") }
    if isSigmoid, !c.isGGUF || p.has(nil, gguf: "exp_probs_b", "bias") {
      bias = try p.vector("gate.e_score_correction_bias", gguf: "exp_probs_b.bias", "", count: count)
    }
  }
}
