import TesseraOperators

/// EXAONE 3 (LG AI Research 2024): Llama under other names.
struct EXAONE: StackedDecoder {
  static let ggufNames = ["exaone"]
  static let huggingFaceNames = ["ExaoneForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.layerCount, names.normEpsilon, names.activation) = (
      "num_layers", "layer_norm_epsilon", "activation_function"
    )
    (names.attention, names.output) = ("attn.attention", "out_proj")
    (names.gate, names.up, names.down) = ("c_fc_0", "c_fc_1", "c_proj")
    // Newer converters write RMSNorm's ε under LayerNorm's key.
    let isNew = try c.isGGUF && c.optionalDouble(nil, gguf: "attention.layer_norm_rms_epsilon") == nil
    let sizes = try DecoderSizes(
      c, activation: .silu, names, epsilon: 1e-5, hasLayerNormKey: isNew, interleavesInGGUF: false)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("transformer", gguf: "")
    embedding = try sizes.embedding(model, named: "wte")
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("h.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("ln_1", "attn_norm", layer), attention: try sizes.attention(index, layer),
        mlpNorm: try sizes.norm("ln_2", "ffn_norm", layer), mlp: .gated(try sizes.gatedMLP(index, layer)))
    }
    norm = try sizes.norm("ln_f", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
    p.ignore(RopeParameters.tensorNames)
  }
}
