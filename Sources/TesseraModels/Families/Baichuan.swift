import TesseraOperators

/// Baichuan 7B (Baichuan Inc. 2023): Llama whose queries, keys and values are rows of one tensor.
struct Baichuan: StackedDecoder {
  static let ggufNames = ["baichuan"]
  static let huggingFaceNames = ["BaichuanForCausalLM", "BaiChuanForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    names.kvHeadCount = nil
    names.contextLength = c.present("max_position_embeddings", "model_max_length") ?? names.contextLength
    names.fused = .init(name: "W_pack", order: .whole, isFusedInGGUF: false)
    let sizes = try DecoderSizes(c, activation: .silu, names)
    // No file says it: models of 40 layers are those of 13B, which have ALiBi.
    guard sizes.layerCount != 40 else {
      throw ModelError(.unsupportedFeature, "\(c.checkpoint.path): Baichuan 13B is not supported: use the 7B model")
    }
    // Baichuan 2's weights of the output are normalized by its program.
    guard sizes.vocabularySize != 125_696 || c.isGGUF else {
      throw ModelError(
        .unsupportedFeature, "\(c.checkpoint.path): Baichuan 2 is supported as GGUF, whose output is normalized already"
      )
    }
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
