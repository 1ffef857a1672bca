import TesseraOperators

/// Gemma (Gemma Team 2024): Llama with GeGLU, norms whose weights are less one, tied embeddings scaled by √size.
struct Gemma: StackedDecoder {
  static let ggufNames = ["gemma"]
  static let huggingFaceNames = ["GemmaForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var sizes = try DecoderSizes(c, activation: .geluTanh, interleavesInGGUF: false)
    // The first files say "gelu", and mean this form.
    if sizes.activation == .geluErf { sizes.activation = .geluTanh }
    try c.require("attention_bias", false)
    try c.require("use_bidirectional_attention", false)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model, scale: Float(sizes.hiddenSize).squareRoot())
    layers = try (0..<sizes.layerCount).map { [sizes] index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer, offset: 1),
        attention: try sizes.attention(index, layer),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer, offset: 1),
        mlp: .gated(try sizes.gatedMLP(index, layer)))
    }
    norm = try sizes.norm("norm", "output_norm", model, offset: 1)
    head = try p.outputHead(tiedTo: embedding)
  }
}
