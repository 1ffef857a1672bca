import TesseraOperators

/// Nemotron-4 and Minitron (Parmar et al. 2024): LayerNorm whose weights are less one, a plain MLP with squared ReLU,
/// half of each head turns.
struct Nemotron: StackedDecoder {
  static let ggufNames = ["nemotron"]
  static let huggingFaceNames = ["NemotronForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    names.normEpsilon = "norm_eps"
    let sizes = try DecoderSizes(
      c, activation: .reluSquared, names, norm: .layer, epsilon: 1e-5, rotation: .share(0.5), interleavesInGGUF: false)
    let (attentionBias, mlpBias) = (try c.bias("attention_bias"), try c.bias("mlp_bias"))
    // The same number, under RMSNorm's name.
    c.ignore(["attention.layer_norm_rms_epsilon"])
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer, offset: 1),
        attention: try sizes.attention(index, layer, bias: attentionBias),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer, offset: 1),
        mlp: .plain(try sizes.plainMLP(index, layer, bias: mlpBias)))
    }
    norm = try sizes.norm("norm", "output_norm", model, offset: 1)
    head = try p.outputHead(tiedTo: embedding)
  }
}
