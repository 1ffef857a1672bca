import TesseraOperators

/// Phi-1, 1.5 and 2 (Gunasekar et al. 2023): attention and a plain MLP side by side behind one LayerNorm, biases
/// throughout, heads of which a part turns.
struct Phi2: StackedDecoder {
  static let ggufNames = ["phi2"]
  static let huggingFaceNames = ["PhiForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.normEpsilon, names.output, names.up, names.down) = ("layer_norm_eps", "dense", "fc1", "fc2")
    let sizes = try DecoderSizes(
      c, activation: .geluTanh, names, norm: .layer, epsilon: 1e-5, mlpRatio: 4, rotation: .share(0.5),
      interleavesInGGUF: false)
    try c.require("qk_layernorm", false)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      let norm = try sizes.norm("input_layernorm", "attn_norm", layer)
      return TransformerLayer(
        attentionNorm: norm, attention: try sizes.attention(index, layer, bias: .required), mlpNorm: norm,
        mlp: .plain(try sizes.plainMLP(index, layer, bias: .required)), isParallel: true)
    }
    norm = try sizes.norm("final_layernorm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding, bias: .required)
  }
}
