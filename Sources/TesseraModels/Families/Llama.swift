import TesseraOperators

/// Llama 2 and 3, Mistral, SmolLM2 (Touvron et al. 2023): pre-norm, rotary embedding, grouped queries, SwiGLU.
struct Llama: StackedDecoder {
  static let ggufNames = ["llama"]
  static let huggingFaceNames = ["LlamaForCausalLM", "MistralForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [PreNormLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu)
    profile = try sizes.profile(rotaryTables: [sizes.rotaryTable(c)])
    // A folder says which biases there are; others would be unused, which is refused.
    func bias(_ name: String) throws -> BiasRule {
      if c.isGGUF { return .ifPresent }
      return try c.optionalBool(name, gguf: nil) ?? false ? .required : BiasRule.none
    }
    let (attentionBias, mlpBias) = (try bias("attention_bias"), try bias("mlp_bias"))
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return PreNormLayer(
        attentionNorm: try layer.rmsNorm(
          "input_layernorm", gguf: "attn_norm", size: sizes.hiddenSize, epsilon: sizes.normEpsilon),
        attention: try sizes.attention(index, layer, bias: attentionBias),
        mlpNorm: try layer.rmsNorm(
          "post_attention_layernorm", gguf: "ffn_norm", size: sizes.hiddenSize, epsilon: sizes.normEpsilon),
        mlp: try sizes.gatedMLP(index, layer, bias: mlpBias))
    }
    norm = try model.rmsNorm("norm", gguf: "output_norm", size: sizes.hiddenSize, epsilon: sizes.normEpsilon)
    head = try p.outputHead(tiedTo: embedding)
    p.ignore(["rope_freqs.weight"])
    // Written as 0, or for nothing, where there are no experts.
    c.ignore(["expert_used_count"])
  }

  /// Llama's name in GGUF is Mixtral's as well.
  static func claims(_ c: Hyperparameters) -> Bool {
    ((try? c.optionalInt(nil, gguf: "expert_count", in: 0...1 << 16)) ?? 0) == 0
      && c.checkpoint.tensor(named: "blk.0.ffn_gate_exps.weight") == nil
  }
}
