import TesseraOperators

/// Granite 3 (IBM 2024): Llama with factors of the embedding, of scores, of what each block adds, and of logits.
struct Granite: StackedDecoder {
  static let ggufNames = ["granite"]
  static let huggingFaceNames = ["GraniteForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu)
    let (attentionBias, mlpBias) = (try c.bias("attention_bias"), try c.bias("mlp_bias"))
    let factors = try GraniteFactors(c)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model, scale: factors.embedding)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: attentionBias, scale: factors.scores),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer, bias: mlpBias)), residualScale: factors.residual)
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding, scale: factors.logits)
    p.ignore(RopeParameters.tensorNames)
  }
}

/// What Granite multiplies with; nil: attention's usual factor.
struct GraniteFactors {
  let embedding: Float
  let scores: Float?
  let residual: Float
  let logits: Float

  init(_ c: Hyperparameters) throws {
    func factor(_ name: String, _ gguf: String) throws -> Float? {
      try c.optionalPositive(name, gguf: gguf).map { Float($0) }
    }
    residual = try factor("residual_multiplier", "residual_scale") ?? 1
    scores = try factor("attention_multiplier", "attention.scale")
    embedding = try factor("embedding_multiplier", "embedding_scale") ?? 1
    // By which logits are divided.
    logits = 1 / (try factor("logits_scaling", "logit_scale") ?? 1)
  }
}
