import TesseraOperators

/// Mixtral (Jiang et al. 2024): Llama whose MLPs are a mixture of experts.
struct Mixtral: StackedDecoder {
  static let ggufNames = ["llama"]
  static let huggingFaceNames = ["MixtralForCausalLM"]
  static let kind = FamilyKind.experts

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu)
    let experts = try ExpertSizes(
      c, count: "num_local_experts", size: sizes.intermediateSizes[0],
      storage: .apart(gate: "w1", up: "w3", down: "w2"))
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .experts(try sizes.experts(experts, layer.scope("block_sparse_moe", gguf: ""))))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
