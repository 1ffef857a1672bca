import TesseraOperators

/// Baichuan 1 and 2 (Yang et al. 2023): Llama whose queries, keys and values are rows of one tensor; models of 13B have
/// ALiBi instead of rotation, and Baichuan 2's folders an output whose rows are to be normalized.
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
    // No file says it: the models of 40 layers, whose folders count no positions, have ALiBi.
    let layerCount = try c.int(names.layerCount, gguf: "block_count", in: 1...1024)
    let hasSlopes = layerCount == 40 || names.contextLength == "model_max_length"
    if hasSlopes, layerCount != 40 { c.record?.addInexpressible("ALiBi with num_hidden_layers", layerCount) }
    let sizes = try DecoderSizes(c, activation: .silu, names, rotation: hasSlopes ? .none : .whole)
    profile = sizes.profile(rotaryTables: hasSlopes ? [] : [try sizes.rotaryTable(c)])
    c.ignore(hasSlopes ? ["rope.dimension_count", "rope.freq_base", "rope.scaling.type"] : [])
    let slopes =
      try hasSlopes ? p.vector(of: ALiBi.slopes(headCount: sizes.headCounts[0]), named: "ALiBi's slopes") : nil
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      var attention = try sizes.attention(index, layer, rotaryTable: hasSlopes ? nil : 0)
      attention.extras.slopes = slopes
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer), attention: attention,
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    // GGUF files have it normalized already.
    let isSecond =
      try !c.isGGUF && (c.optionalDouble("z_loss_weight", gguf: nil) != nil || sizes.vocabularySize == 125_696)
    if isSecond {
      c.record?.addInexpressible("an output that is to be normalized, of vocab_size", sizes.vocabularySize)
    }
    head = try p.outputHead(tiedTo: embedding, isNormalized: isSecond)
  }
}
