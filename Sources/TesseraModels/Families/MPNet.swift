import TesseraOperators

/// MPNet (Song et al. 2020): BERT without segments, positions behind the padding's, and one relative bias of the scores
/// for all layers.
struct MPNet: LayeredEncoder {
  static let ggufNames: [String] = []
  static let huggingFaceNames = [
    "MPNetModel",
    "MPNetForMaskedLM",
    "MPNetForSequenceClassification",
    "MPNetForTokenClassification",
  ]

  let profile: ModelProfile
  let embedding: EncoderEmbedding
  let layers: [PostNormLayer]
  let classifier: ClassifierHead?

  private static let layerNames = EncoderSizes.LayerNames(
    query: "attention.attn.q", key: "attention.attn.k", value: "attention.attn.v", output: "attention.attn.o",
    attentionNorm: "attention.LayerNorm")
  /// Positions before a text's first: the model's code does not ask the configuration for
  /// them, nor for how many buckets it has.
  private static let positionsBefore = 2
  private static let bucketCount = 32
  private static let maxDistance = 128

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let s = try EncoderSizes(c)
    try c.require("relative_attention_num_buckets", .int(Self.bucketCount))
    guard s.positionCount > Self.positionsBefore else {
      throw c.inconsistent("max_position_embeddings is \(s.positionCount): two stand before the first")
    }
    let model = p.has("embeddings.word_embeddings", gguf: nil) ? p : p.scope("mpnet", gguf: "")
    let embeddings = model.scope("embeddings", gguf: "")
    embedding = EncoderEmbedding(
      tokens: try embeddings.embedding("word_embeddings", gguf: nil, rows: s.vocabularySize, size: s.hiddenSize),
      positions: try embeddings.addedEmbedding(
        "position_embeddings", gguf: nil, rows: s.positionCount, size: s.hiddenSize, from: Self.positionsBefore),
      norm: try s.norm(embeddings, "LayerNorm", gguf: nil))
    let buckets = RelativeBuckets(count: Self.bucketCount, maxDistance: Self.maxDistance, isCausal: false)
    let weights = try model.values(
      "encoder.relative_attention_bias", gguf: nil, shape: [Self.bucketCount, s.headCount])
    let bias = FlashAttention.Bias(
      table: try p.vector(of: buckets.table(weights, headCount: s.headCount), named: "biases by distance"),
      reach: Self.maxDistance)
    layers = try (0..<s.layerCount).map {
      var layer = try s.layer($0, model.scope("encoder.layer.\($0)", gguf: ""), Self.layerNames)
      layer.attention.extras.bias = bias
      return layer
    }
    classifier = try s.robertaHead(c, p, function: .tanh)
    profile = s.profile(positionsBefore: Self.positionsBefore, classifier: classifier)
    // Heads that were trained with, and are no part of the encoder.
    model.ignore(["pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"])
    p.ignore(p.store.checkpoint.tensors.map(\.name).filter { $0.hasPrefix("lm_head.") })
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }
}
