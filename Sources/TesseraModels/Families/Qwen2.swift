import TesseraOperators

/// Qwen2 and 2.5 (Yang et al. 2024): Llama with biases on queries, keys and values.
struct Qwen2: StackedDecoder {
  static let ggufNames = ["qwen2"]
  static let huggingFaceNames = ["Qwen2ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [PreNormLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu, interleavesInGGUF: false)
    // Where windows are used at all, the first layers have none.
    let firstLocal = try c.int("max_window_layers", gguf: nil, in: 0...1024, default: 0)
    let usesWindow = try c.optionalBool("use_sliding_window", gguf: nil) ?? c.isGGUF
    let windows = (0..<sizes.layerCount).map { layer -> Int? in
      usesWindow && sizes.layersHaveWindow?[layer] ?? (layer >= firstLocal) ? sizes.slidingWindow : nil
    }
    try c.require("use_mrope", false)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)], windows: windows)
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      func norm(_ name: String, _ gguf: String) throws -> Normalization {
        try layer.rmsNorm(name, gguf: gguf, size: sizes.hiddenSize, epsilon: sizes.normEpsilon)
      }
      return PreNormLayer(
        attentionNorm: try norm("input_layernorm", "attn_norm"),
        attention: try sizes.attention(index, layer, bias: .required, outputBias: BiasRule.none),
        mlpNorm: try norm("post_attention_layernorm", "ffn_norm"), mlp: try sizes.gatedMLP(index, layer))
    }
    norm = try model.rmsNorm("norm", gguf: "output_norm", size: sizes.hiddenSize, epsilon: sizes.normEpsilon)
    head = try p.outputHead(tiedTo: embedding)
  }
}
