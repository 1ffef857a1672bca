import TesseraMemory
import TesseraOperators

/// ModernBERT (Warner et al. 2024): pre-norm, GeGLU, rotary embedding; every third layer attends over all tokens, the
/// others over near ones, with a rotary base of their own.
struct ModernBERT: LayeredEncoder {
  static let ggufNames = ["modern-bert"]
  static let huggingFaceNames = [
    "ModernBertModel",
    "ModernBertForMaskedLM",
    "ModernBertForSequenceClassification",
    "ModernBertForTokenClassification",
  ]

  struct Layer: EncoderLayer {
    /// The first layer's input is normalized already.
    let attentionNorm: Normalization?
    let attention: Attention
    let mlpNorm: Normalization
    let mlp: GatedMLP

    func callAsFunction(_ x: Tensor, _ step: StepBuilder) throws -> Tensor {
      let input = try attentionNorm?.input(x, step) ?? NormedTensor(x)
      let x = try attention.output(attention(input, step), adding: x, step)
      return try mlp(mlpNorm.input(x, step), adding: x, step)
    }
  }

  let profile: ModelProfile
  let embedding: EncoderEmbedding
  let layers: [Layer]
  let norm: Normalization?
  let classifier: ClassifierHead?

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let s = try EncoderSizes(
      c,
      names: .init(epsilon: "norm_eps", activation: "hidden_activation", ggufActivation: "hidden_activation"),
      epsilon: 1e-5)
    for name in ["attention_bias", "mlp_bias", "norm_bias"] { try c.require(name, false) }
    try c.require("partial_rotary_factor", 1)
    let window = try c.int("local_attention", gguf: "attention.sliding_window", in: 2...1 << 20, default: 128)
    let isLocal = try Self.layersAreLocal(c, count: s.layerCount)
    let theta =
      try c.optionalPositive("global_rope_theta", gguf: "rope.freq_base") ?? RopeParameters.theta(c, "full_attention")
      ?? 160_000
    let localTheta =
      try c.optionalPositive("local_rope_theta", gguf: "rope.freq_base_swa")
      ?? RopeParameters.theta(c, "sliding_attention") ?? 10_000
    let rotations = [
      try RotaryTable(
        rotaryDim: s.headDim, ropeTheta: theta, scaling: RopeParameters.scaling(c, contextLength: s.positionCount)),
      try RotaryTable(rotaryDim: s.headDim, ropeTheta: localTheta),
    ]
    let period = (1...1024).first { period in isLocal.indices.allSatisfy { isLocal[$0] != $0.isMultiple(of: period) } }
    c.record?.set("attention.sliding_window_pattern", period ?? 1)
    c.record?.set("rope.freq_base", theta)
    c.record?.set("rope.freq_base_swa", localTheta)
    // The same number under RMSNorm's name.
    c.ignore(["attention.layer_norm_rms_epsilon"])

    func norm(_ scope: ParameterScope, _ name: String, gguf: String) throws -> Normalization {
      try s.norm(scope, name, gguf: gguf, bias: .none)
    }
    let model = p.has("embeddings.tok_embeddings", gguf: "token_embd") ? p : p.scope("model", gguf: "")
    embedding = EncoderEmbedding(
      tokens: try model.embedding(
        "embeddings.tok_embeddings", gguf: "token_embd", rows: s.vocabularySize, size: s.hiddenSize),
      norm: try norm(model, "embeddings.norm", gguf: "token_embd_norm"))
    layers = try (0..<s.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      var options = s.attentionOptions(index)
      options.rotaryTable = isLocal[index] ? 1 : 0
      let (size, inner) = (s.hiddenSize, s.intermediateSize)
      return Layer(
        attentionNorm: index == 0 ? nil : try norm(layer, "attn_norm", gguf: "attn_norm"),
        attention: Attention(
          projections: try layer.linear("attn.Wqkv", gguf: "attn_qkv", rows: 3 * size, columns: size),
          output: try layer.linear("attn.Wo", gguf: "attn_output", rows: size, columns: size), options: options),
        mlpNorm: try norm(layer, "mlp_norm", gguf: "ffn_norm"),
        mlp: GatedMLP(
          gateUp: try layer.gatedLinear(
            gate: .init("mlp.Wi", gguf: "ffn_up", rows: inner, at: (0, 2 * inner)),
            up: .init("mlp.Wi", gguf: "ffn_up", rows: inner, at: (inner, 2 * inner)), columns: size),
          down: try layer.linear("mlp.Wo", gguf: "ffn_down", rows: size, columns: inner), activation: s.activation))
    }
    self.norm = try norm(model, "final_norm", gguf: "output_norm")
    classifier = try Self.classifier(c, p, s)
    profile = s.profile(
      rotaryTables: rotations, reaches: isLocal.map { $0 ? window / 2 : nil }, classifier: classifier)
    p.ignore(["decoder.weight", "decoder.bias", "head.dense.weight", "head.norm.weight"])
    if c.isGGUF { p.ignore(["cls.weight", "cls.norm.weight"]) }
  }

  /// Which layers see near tokens alone.
  private static func layersAreLocal(_ c: Hyperparameters, count: Int) throws -> [Bool] {
    if case .huggingFace(let config) = c.source, let types = try config.optionalStrings("layer_types") {
      guard types.count == count else { throw c.inconsistent("layer_types has \(types.count) of \(count) layers") }
      if let other = types.first(where: { $0 != "full_attention" && $0 != "sliding_attention" }) {
        throw ModelError(.unsupportedFeature, "\(c.checkpoint.path): layers of type \"\(other)\" are not supported")
      }
      return types.map { $0 == "sliding_attention" }
    }
    let period = try c.int(
      "global_attn_every_n_layers", gguf: "attention.sliding_window_pattern", in: 1...1024, default: 3)
    return (0..<count).map { !$0.isMultiple(of: period) }
  }

  private static func classifier(_ c: Hyperparameters, _ p: ParameterScope, _ s: EncoderSizes) throws
    -> ClassifierHead?
  {
    let pooling = try c.optionalString("classifier_pooling", gguf: nil)
    let number = try c.optionalInt(nil, gguf: "classifier.pooling_type", in: 0...4)
    guard c.isTextClassifier || c.isTokenClassifier || p.has(nil, gguf: "cls.output") else { return nil }
    let usesMean = c.isGGUF ? number != 2 : pooling == "mean"
    c.record?.set("classifier.pooling_type", usesMean ? 1 : 2)
    let (labels, output) = try p.labels("classifier", gguf: "cls.output", size: s.hiddenSize)
    let function = try c.optionalString("classifier_activation", gguf: nil)
    return ClassifierHead(
      classification: .init(labels: labels, rows: c.isTokenClassifier ? .each : usesMean ? .mean : .first),
      dense: (
        try p.linear(
          "head.dense", gguf: "cls", rows: s.hiddenSize, columns: s.hiddenSize, bias: .ifPresent),
        try function.map { try .init(named: $0, c) } ?? .geluErf
      ),
      norm: try s.norm(p, "head.norm", gguf: "cls.norm", bias: .none), output: output)
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }
}
