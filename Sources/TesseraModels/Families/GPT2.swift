import TesseraOperators

/// GPT-2 (Radford et al. 2019): learned positions, LayerNorm with bias, a plain MLP, biases throughout, tied
/// embeddings.
struct GPT2: StackedDecoder {
  static let ggufNames = ["gpt2"]
  static let huggingFaceNames = ["GPT2LMHeadModel", "GPT2Model"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let positions: AddedEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let layerCount = try c.int("n_layer", gguf: "block_count", in: 1...1024)
    let size = try c.int("n_embd", gguf: "embedding_length", in: 1...1 << 20)
    let headCount = try c.int("n_head", gguf: "attention.head_count", in: 1...size)
    guard size.isMultiple(of: headCount) else { throw c.inconsistent("\(headCount) heads of \(size) columns") }
    let inner = try c.int("n_inner", gguf: "feed_forward_length", in: 1...1 << 24, default: 4 * size)
    let context = try c.int("n_positions", gguf: "context_length", in: 1...1 << 24)
    let epsilon = try c.positive("layer_norm_epsilon", gguf: "attention.layer_norm_epsilon", under: 1, default: 1e-5)
    let activation = try Activation.Function(
      named: c.optionalString("activation_function", gguf: nil) ?? "gelu_new", c)
    let headDim = size / headCount
    try c.require("add_cross_attention", false)
    let isScaled = try c.optionalBool("scale_attn_weights", gguf: nil) ?? true
    let isScaledByLayer = try c.optionalBool("scale_attn_by_inverse_layer_idx", gguf: nil) ?? false
    let vocabulary = try DecoderSizes.vocabularySize(c, hiddenSize: size)
    profile = ModelProfile(
      architecture: c.architecture, layerCount: layerCount, hiddenSize: size, intermediateSize: inner,
      vocabularySize: vocabulary, contextLength: context,
      attentionGroups: [
        .init(layers: Array(0..<layerCount), headCount: headCount, kvHeadCount: headCount, headDim: headDim)
      ], activation: activation)

    // Folders of the bare model have no prefix.
    let model = p.has("wte", gguf: "token_embd") ? p : p.scope("transformer", gguf: "")
    embedding = try model.embedding("wte", gguf: "token_embd", rows: vocabulary, size: size)
    positions = try model.addedEmbedding("wpe", gguf: "position_embd", rows: context, size: size)
    layers = try (0..<layerCount).map { index in
      let layer = model.scope("h.\(index)", gguf: "blk.\(index)")
      func linear(_ name: String, _ gguf: String, rows: Int, columns: Int) throws -> Linear {
        try layer.linear(name, gguf: gguf, rows: rows, columns: columns, bias: .required, isTransposed: true)
      }
      return TransformerLayer(
        attentionNorm: try layer.layerNorm("ln_1", gguf: "attn_norm", size: size, epsilon: epsilon),
        attention: Attention(
          projections: try linear("attn.c_attn", "attn_qkv", rows: 3 * size, columns: size),
          output: try linear("attn.c_proj", "attn_output", rows: size, columns: size),
          options: .init(
            headCount: headCount, kvHeadCount: headCount, headDim: headDim, layer: index,
            scale: (isScaled ? 1 / Float(headDim).squareRoot() : 1) / Float(isScaledByLayer ? index + 1 : 1))),
        mlpNorm: try layer.layerNorm("ln_2", gguf: "ffn_norm", size: size, epsilon: epsilon),
        mlp: .plain(
          MLP(
            up: try linear("mlp.c_fc", "ffn_up", rows: inner, columns: size),
            down: try linear("mlp.c_proj", "ffn_down", rows: size, columns: inner), activation: activation)))
    }
    norm = try model.layerNorm("ln_f", gguf: "output_norm", size: size, epsilon: epsilon)
    head = try p.outputHead(tiedTo: embedding)
    // Masks that old files keep beside the weights.
    model.ignore((0..<layerCount).flatMap { ["h.\($0).attn.bias", "h.\($0).attn.masked_bias"] })
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try positions(embedding(step), by: step.inputs.positions, step) }
}
