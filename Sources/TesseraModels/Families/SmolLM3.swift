import TesseraOperators

/// SmolLM3 (Hugging Face 2025): Llama of which every fourth layer does not turn its heads (NoPE, Yang et al. 2025).
struct SmolLM3: StackedDecoder {
  static let ggufNames = ["smollm3"]
  static let huggingFaceNames = ["SmolLM3ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu)
    let (attentionBias, mlpBias) = (try c.bias("attention_bias"), try c.bias("mlp_bias"))
    let turns = try Self.turns(c, count: sizes.layerCount)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: attentionBias, rotaryTable: turns[index] ? 0 : nil),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer, bias: mlpBias)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
    p.ignore(RopeParameters.tensorNames)
  }

  /// Whether each layer turns its heads. GGUF files do not say.
  private static func turns(_ c: Hyperparameters, count: Int) throws -> [Bool] {
    let interval = try c.int("no_rope_layer_interval", gguf: nil, in: 1...1024, default: 4)
    let usual = (0..<count).map { ($0 + 1) % interval != 0 }
    // Ones for layers that do.
    guard case .huggingFace(let config) = c.source, let values = try config.optionalInts("no_rope_layers") else {
      return usual
    }
    guard values.count == count, values.allSatisfy((0...1).contains) else {
      throw c.inconsistent("no_rope_layers has no 0 or 1 for each of \(count) layers")
    }
    let turns = values.map { $0 == 1 }
    if turns != usual { c.record?.addInexpressible("no_rope_layers of", count) }
    return turns
  }
}
