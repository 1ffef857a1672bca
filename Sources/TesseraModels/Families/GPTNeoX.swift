import TesseraOperators

/// GPT-NeoX and Pythia (Black et al. 2022): attention and a plain MLP side by side, each behind a LayerNorm of its own,
/// biases throughout, a quarter of each head turns; queries, keys and values alternate head by head.
struct GPTNeoX: StackedDecoder {
  static let ggufNames = ["gptneox"]
  static let huggingFaceNames = ["GPTNeoXForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.kvHeadCount, names.normEpsilon) = (nil, "layer_norm_eps")
    (names.ropeTheta, names.rotaryShare) = ("rotary_emb_base", "rotary_pct")
    (names.attention, names.output) = ("attention", "dense")
    names.fused = .init(name: "query_key_value", order: .grouped)
    (names.up, names.down) = ("dense_h_to_4h", "dense_4h_to_h")
    let sizes = try DecoderSizes(
      c, activation: .geluErf, names, norm: .layer, epsilon: 1e-5, rotation: .share(0.25), interleavesInGGUF: false)
    let bias = try c.bias("attention_bias", default: true)
    let isParallel = try c.optionalBool("use_parallel_residual", gguf: "use_parallel_residual") ?? true
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("gpt_neox", gguf: "")
    embedding = try sizes.embedding(model, named: "embed_in")
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      // Masks that old files keep beside the weights.
      layer.ignore(["attention.bias", "attention.masked_bias"])
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: bias),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .plain(try sizes.plainMLP(index, layer, bias: .required)), isParallel: isParallel)
    }
    norm = try sizes.norm("final_layer_norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding, named: p.has("lm_head", gguf: nil) ? "lm_head" : "embed_out")
  }
}
