import TesseraOperators

/// GPT-J (Wang & Komatsuzaki 2021) and CodeGen (Nijkamp et al. 2022): attention without biases and a plain MLP side by
/// side behind one LayerNorm; of each head some dimensions turn, neighbors together. CodeGen's projections are rows of
/// one tensor, laid out for four devices.
struct GPTJ: StackedDecoder {
  static let ggufNames: [String] = []
  static let huggingFaceNames = ["GPTJForCausalLM", "CodeGenForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.layerCount, names.hiddenSize, names.headCount, names.kvHeadCount) = ("n_layer", "n_embd", "n_head", nil)
    (names.intermediateSize, names.contextLength) = ("n_inner", "n_positions")
    (names.normEpsilon, names.activation) = ("layer_norm_epsilon", "activation_function")
    (names.attention, names.output, names.up, names.down) = ("attn", "out_proj", "fc_in", "fc_out")
    if c.architecture == "CodeGenForCausalLM" { names.fused = .init(name: "qkv_proj", order: .partitioned(4)) }
    let sizes = try DecoderSizes(
      c, activation: .geluTanh, names, norm: .layer, epsilon: 1e-5, mlpRatio: 4, rotation: .count("rotary_dim"),
      pairing: .interleaved, interleavesInGGUF: false)
    guard names.fused == nil || sizes.headCounts[0].isMultiple(of: 4) else {
      throw c.inconsistent("\(sizes.headCounts[0]) heads in four parts")
    }
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("transformer", gguf: "")
    embedding = try sizes.embedding(model, named: "wte")
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("h.\(index)", gguf: "blk.\(index)")
      // Masks that files keep beside the weights.
      layer.ignore(["attn.bias", "attn.masked_bias", "attn.causal_mask"])
      let norm = try sizes.norm("ln_1", "attn_norm", layer)
      return TransformerLayer(
        attentionNorm: norm, attention: try sizes.attention(index, layer), mlpNorm: norm,
        mlp: .plain(try sizes.plainMLP(index, layer, bias: .required)), isParallel: true)
    }
    norm = try sizes.norm("ln_f", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding, bias: .required)
  }
}
