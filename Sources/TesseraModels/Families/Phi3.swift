import TesseraOperators

/// Phi-3 and Phi-4 (Abdin et al. 2024): Llama whose projections are rows of one tensor, with a window, factors of the
/// rotation by the context's length (LongRoPE), and heads of which a part turns.
struct Phi3: StackedDecoder {
  static let ggufNames = ["phi3"]
  static let huggingFaceNames = ["Phi3ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    names.fused = .init(name: "qkv_proj", order: .whole)
    names.gateUp = "gate_up_proj"
    let sizes = try DecoderSizes(
      c, activation: .silu, names, epsilon: 1e-5, rotation: .share(1), interleavesInGGUF: false)
    try c.require("attention_bias", false)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
    p.ignore(RopeParameters.tensorNames)
  }
}
