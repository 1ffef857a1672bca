import TesseraOperators

/// Llama 1 to 3, Mistral, Ministral, SmolLM2 (Touvron et al. 2023): pre-norm, rotary embedding, grouped queries,
/// SwiGLU.
struct Llama: StackedDecoder {
  static let ggufNames = ["llama"]
  static let huggingFaceNames = ["LlamaForCausalLM", "MistralForCausalLM", "MinistralForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu)
    profile = try sizes.profile(rotaryTables: [sizes.rotaryTable(c)])
    let (attentionBias, mlpBias) = (try c.bias("attention_bias"), try c.bias("mlp_bias"))
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: attentionBias),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer, bias: mlpBias)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
    p.ignore(RopeParameters.tensorNames)
    // Written as 0, or for nothing, where there are no experts.
    c.ignore(["expert_used_count"])
  }

  /// Llama's name in GGUF is Mixtral's as well.
  static func claims(_ c: Hyperparameters) -> Bool {
    ((try? c.optionalInt(nil, gguf: "expert_count", in: 0...1 << 16)) ?? 0) == 0
      && c.checkpoint.tensor(named: "blk.0.ffn_gate_exps.weight") == nil
  }
}
