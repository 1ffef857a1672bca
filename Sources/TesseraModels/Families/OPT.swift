import TesseraOperators

/// OPT (Zhang et al. 2022): learned positions from the third row of their table on, LayerNorm, a plain MLP with ReLU.
struct OPT: StackedDecoder {
  static let ggufNames: [String] = []
  static let huggingFaceNames = ["OPTForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let positions: AddedEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.kvHeadCount, names.intermediateSize, names.activation) = (nil, "ffn_dim", "activation_function")
    (names.output, names.mlp, names.up, names.down) = ("out_proj", "", "fc1", "fc2")
    let sizes = try DecoderSizes(
      c, activation: .relu, names, norm: .layer, epsilon: 1e-5, rotation: .none, interleavesInGGUF: false)
    let bias = try c.bias("enable_bias", default: true)
    // OPT 350M is another model in these.
    try c.require("do_layer_norm_before", true)
    try c.require("_remove_final_layer_norm", false)
    try c.require("word_embed_proj_dim", .int(sizes.hiddenSize))
    try c.require("layer_norm_elementwise_affine", true)
    profile = sizes.profile(rotaryTables: [])
    let model = p.scope("model.decoder", gguf: "")
    embedding = try sizes.embedding(model)
    positions = try model.addedEmbedding(
      "embed_positions", gguf: "position_embd", rows: sizes.contextLength + 2, size: sizes.hiddenSize, from: 2)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("self_attn_layer_norm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: bias, rotaryTable: nil),
        mlpNorm: try sizes.norm("final_layer_norm", "ffn_norm", layer),
        mlp: .plain(try sizes.plainMLP(index, layer, bias: bias)))
    }
    norm = try sizes.norm("final_layer_norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try positions(embedding(step), by: step.inputs.positions, step) }
}
