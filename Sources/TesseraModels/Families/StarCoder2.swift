import TesseraOperators

/// StarCoder2 (Lozhkov et al. 2024): LayerNorm, a plain MLP, biases throughout, grouped queries over a sliding window.
struct StarCoder2: StackedDecoder {
  static let ggufNames = ["starcoder2"]
  static let huggingFaceNames = ["Starcoder2ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.normEpsilon, names.up, names.down) = ("norm_epsilon", "c_fc", "c_proj")
    let sizes = try DecoderSizes(
      c, activation: .geluTanh, names, norm: .layer, epsilon: 1e-5, interleavesInGGUF: false)
    let bias = try c.bias("use_bias", default: true)
    try c.require("mlp_type", "default")
    try c.require("norm_type", "layer_norm")
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: bias),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .plain(try sizes.plainMLP(index, layer, bias: bias)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
