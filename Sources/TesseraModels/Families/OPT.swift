import TesseraOperators

/// OPT (Zhang et al. 2022): learned positions from the third row of their table on, LayerNorm, a plain MLP with ReLU. The
/// model of 350M has norms behind its blocks' sums, and a narrower embedding, which two projections adapt.
struct OPT: StackedDecoder {
  static let ggufNames: [String] = []
  static let huggingFaceNames = ["OPTForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let positions: AddedEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead
  /// Between the embedding's size and the hidden size, where they differ.
  private let projectIn, projectOut: Linear?

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.kvHeadCount, names.intermediateSize, names.activation) = (nil, "ffn_dim", "activation_function")
    (names.output, names.mlp, names.up, names.down) = ("out_proj", "", "fc1", "fc2")
    let sizes = try DecoderSizes(
      c, activation: .relu, names, norm: .layer, epsilon: 1e-5, rotation: .none, interleavesInGGUF: false)
    let bias = try c.bias("enable_bias", default: true)
    let isPostNorm = try !(c.optionalBool("do_layer_norm_before", gguf: nil) ?? true)
    let hiddenSize = sizes.hiddenSize
    let width = try c.int("word_embed_proj_dim", gguf: nil, in: 1...1 << 20, default: hiddenSize)
    try c.require("_remove_final_layer_norm", false)
    try c.require("layer_norm_elementwise_affine", true)
    profile = sizes.profile(rotaryTables: [])
    let model = p.scope("model.decoder", gguf: "")
    embedding = try model.embedding("embed_tokens", gguf: "token_embd", rows: sizes.vocabularySize, size: width)
    (projectIn, projectOut) =
      try width == hiddenSize
      ? (nil, nil)
      : (
        model.linear("project_in", gguf: nil, rows: hiddenSize, columns: width),
        model.linear("project_out", gguf: nil, rows: width, columns: hiddenSize)
      )
    positions = try model.addedEmbedding(
      "embed_positions", gguf: "position_embd", rows: sizes.contextLength + 2, size: sizes.hiddenSize, from: 2)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      // Behind the last layer's sum it is the model's.
      let hasNorm = !isPostNorm || index < sizes.layerCount - 1
      return TransformerLayer(
        attentionNorm: try sizes.norm("self_attn_layer_norm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: bias, rotaryTable: nil),
        mlpNorm: hasNorm ? try sizes.norm("final_layer_norm", "ffn_norm", layer) : nil,
        mlp: .plain(try sizes.plainMLP(index, layer, bias: bias)), isPostNorm: isPostNorm)
    }
    let last = isPostNorm ? model.scope("layers.\(sizes.layerCount - 1)", gguf: "") : model
    norm = try sizes.norm("final_layer_norm", "output_norm", last)
    head = try p.outputHead(tiedTo: embedding)
  }

  func embed(_ step: StepBuilder) throws -> Tensor {
    let x = try embedding(step)
    return try positions(projectIn?(x, step) ?? x, by: step.inputs.positions, step)
  }

  func logits(_ hidden: Tensor, _ step: StepBuilder) throws -> Tensor {
    try head(projectOut?(hidden, step) ?? hidden, step)
  }
}
