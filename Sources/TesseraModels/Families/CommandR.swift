import TesseraOperators

/// Command R (Cohere 2024): attention and MLP side by side behind one LayerNorm without bias, neighboring dimensions
/// turn together, logits are scaled; Command R+ has a norm for each query and key head. Of Command R7B, every fourth
/// layer sees all keys and does not turn its heads, and the others have a window.
struct CommandR: StackedDecoder {
  static let ggufNames = ["command-r", "cohere2"]
  static let huggingFaceNames = ["CohereForCausalLM", "Cohere2ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    names.normEpsilon = "layer_norm_eps"
    names.contextLength = c.present("model_max_length", "max_position_embeddings") ?? names.contextLength
    let sizes = try DecoderSizes(
      c, activation: .silu, names, norm: .layer, epsilon: 1e-5, rotation: .whole, pairing: .interleaved,
      interleavesInGGUF: false)
    let isAlternating = c.architecture == "cohere2" || c.architecture == "Cohere2ForCausalLM"
    let pattern = isAlternating ? try c.int("sliding_window_pattern", gguf: nil, in: 1...1024, default: 4) : 1
    let windows = sizes.windows(pattern: pattern)
    let hasHeadNorms = try c.optionalBool("use_qk_norm", gguf: nil) ?? p.has(nil, gguf: "blk.0.attn_q_norm")
    let bias = try c.bias("attention_bias")
    try c.require("rotary_pct", 1)
    let logitScale = try c.positive("logit_scale", gguf: "logit_scale", default: 0.0625)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)], windows: windows)
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      func headNorm(_ name: String, _ gguf: String, _ count: Int) throws -> Normalization? {
        guard hasHeadNorms else { return nil }
        return try layer.headNorm(
          .layer, "self_attn.\(name)", gguf: gguf, headCount: count, size: sizes.headDim, epsilon: sizes.normEpsilon)
      }
      var attention = try sizes.attention(
        index, layer, bias: bias, rotaryTable: isAlternating && windows[index] == nil ? nil : 0)
      attention.queryNorm = try headNorm("q_norm", "attn_q_norm", sizes.headCounts[index])
      attention.keyNorm = try headNorm("k_norm", "attn_k_norm", sizes.kvHeadCounts[index])
      let norm = try sizes.norm("input_layernorm", "attn_norm", layer, bias: BiasRule.none)
      return TransformerLayer(
        attentionNorm: norm, attention: attention, mlpNorm: norm, mlp: .gated(try sizes.gatedMLP(index, layer)),
        isParallel: true)
    }
    norm = try sizes.norm("norm", "output_norm", model, bias: BiasRule.none)
    head = try p.outputHead(tiedTo: embedding, scale: Float(logitScale))
  }

  static func ggufName(of huggingFaceName: String) -> String? {
    huggingFaceName == "Cohere2ForCausalLM" ? "cohere2" : "command-r"
  }
}
