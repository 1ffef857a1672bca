import TesseraOperators

/// EXAONE 4 (LG AI Research 2025): norms behind each block instead of before it, normalized queries and keys; in the
/// 32B model every fourth layer sees all keys and does not turn its heads, and the others have a window.
struct EXAONE4: StackedDecoder {
  static let ggufNames = ["exaone4"]
  static let huggingFaceNames = ["Exaone4ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu, epsilon: 1e-5, interleavesInGGUF: false)
    let isLocal = try Self.isLocal(c, sizes)
    let hasWindow = sizes.slidingWindow != nil
    profile = sizes.profile(
      rotaryTables: [try sizes.rotaryTable(c)], windows: isLocal.map { $0 ? sizes.slidingWindow : nil })
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      var attention = try sizes.attention(index, layer, rotaryTable: hasWindow && !isLocal[index] ? nil : 0)
      attention.queryNorm = try sizes.norm("self_attn.q_norm", "attn_q_norm", layer, size: sizes.headDim)
      attention.keyNorm = try sizes.norm("self_attn.k_norm", "attn_k_norm", layer, size: sizes.headDim)
      return TransformerLayer(
        attention: attention, mlp: .gated(try sizes.gatedMLP(index, layer)),
        attentionPostNorm: try sizes.norm("post_attention_layernorm", "post_attention_norm", layer),
        mlpPostNorm: try sizes.norm("post_feedforward_layernorm", "post_ffw_norm", layer))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
    p.ignore(RopeParameters.tensorNames)
  }

  /// Whether each layer has the window: as the file lists them, else all but every fourth.
  private static func isLocal(_ c: Hyperparameters, _ sizes: DecoderSizes) throws -> [Bool] {
    let usual = sizes.layersHaveWindow ?? (0..<sizes.layerCount).map { $0 % 4 != 3 }
    guard sizes.slidingWindow != nil else { return usual.map { _ in false } }
    return try c.bools("attention.sliding_window_pattern", count: sizes.layerCount, of: usual)
  }
}
