import TesseraOperators

/// InternLM2 (Cai et al. 2024): Llama whose queries, keys and values are rows of one tensor, group by group.
struct InternLM2: StackedDecoder {
  static let ggufNames = ["internlm2"]
  static let huggingFaceNames = ["InternLM2ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.attention, names.output, names.mlp) = ("attention", "wo", "feed_forward")
    (names.gate, names.up, names.down) = ("w1", "w3", "w2")
    names.fused = .init(name: "wqkv", order: .grouped, isFusedInGGUF: false)
    let sizes = try DecoderSizes(c, activation: .silu, names)
    let bias = try c.bias("bias")
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model, named: "tok_embeddings")
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("attention_norm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: bias),
        mlpNorm: try sizes.norm("ffn_norm", "ffn_norm", layer), mlp: .gated(try sizes.gatedMLP(index, layer)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding, named: "output")
  }
}
