import TesseraOperators

/// Qwen2 and 2.5 (Yang et al. 2024): Llama with biases on queries, keys and values.
struct Qwen2: StackedDecoder {
  static let ggufNames = ["qwen2"]
  static let huggingFaceNames = ["Qwen2ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu, interleavesInGGUF: false)
    let windows = try sizes.laterWindows(c)
    try c.require("use_mrope", false)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)], windows: windows)
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: .required, outputBias: BiasRule.none),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
