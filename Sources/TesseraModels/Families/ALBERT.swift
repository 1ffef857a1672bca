import TesseraOperators

/// ALBERT (Lan et al. 2020): BERT whose layers share their weights, in groups, and whose embedding is narrower than they.
struct ALBERT: LayeredEncoder {
  static let ggufNames: [String] = []
  static let huggingFaceNames = [
    "AlbertModel",
    "AlbertForMaskedLM",
    "AlbertForPreTraining",
    "AlbertForSequenceClassification",
    "AlbertForTokenClassification",
  ]

  let profile: ModelProfile
  let embedding: EncoderEmbedding
  let layers: [PostNormLayer]
  let classifier: ClassifierHead?

  private static let layerNames = EncoderSizes.LayerNames(
    query: "attention.query", key: "attention.key", value: "attention.value", output: "attention.dense",
    attentionNorm: "attention.LayerNorm", up: "ffn", down: "ffn_output", mlpNorm: "full_layer_layer_norm")

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let size = try c.int("embedding_size", gguf: nil, in: 1...1 << 20, default: 128)
    let s = try EncoderSizes(c, embeddingSize: size, activation: .geluTanh)
    try c.require("position_embedding_type", "absolute")
    try c.require("inner_group_num", 1)
    let segmentCount = try c.int("type_vocab_size", gguf: nil, in: 1...1 << 16, default: 2)
    let groupCount = try c.int("num_hidden_groups", gguf: nil, in: 1...s.layerCount, default: 1)
    let model = p.has("embeddings.word_embeddings", gguf: nil) ? p : p.scope("albert", gguf: "")
    let embeddings = model.scope("embeddings", gguf: "")
    embedding = EncoderEmbedding(
      tokens: try embeddings.embedding("word_embeddings", gguf: nil, rows: s.vocabularySize, size: size),
      positions: try embeddings.addedEmbedding("position_embeddings", gguf: nil, rows: s.positionCount, size: size),
      segments: try embeddings.addedEmbedding("token_type_embeddings", gguf: nil, rows: segmentCount, size: size),
      norm: try s.norm(embeddings, "LayerNorm", gguf: nil, size: size),
      projection: try model.linear(
        "encoder.embedding_hidden_mapping_in", gguf: nil, rows: s.hiddenSize, columns: size, bias: .required))
    let shared = try (0..<groupCount).map {
      try s.layer($0, model.scope("encoder.albert_layer_groups.\($0).albert_layers.0", gguf: ""), Self.layerNames)
    }
    layers = (0..<s.layerCount).map { index in
      let layer = shared[index * groupCount / s.layerCount]
      return PostNormLayer(
        attention: Attention(
          projections: layer.attention.projections, output: layer.attention.output,
          options: s.attentionOptions(index)),
        attentionNorm: layer.attentionNorm, feedForward: layer.feedForward, feedForwardNorm: layer.feedForwardNorm)
    }
    classifier = try Self.classifier(c, p, model, s)
    profile = s.profile(segmentCount: segmentCount, classifier: classifier)
    // Heads that were trained with, and are no part of the encoder.
    model.ignore(["pooler.weight", "pooler.bias", "embeddings.position_ids"])
    p.ignore(
      p.store.checkpoint.tensors.map(\.name).filter { name in
        ["predictions.", "sop_classifier."].contains { name.hasPrefix($0) }
      })
  }

  private static func classifier(_ c: Hyperparameters, _ p: ParameterScope, _ model: ParameterScope, _ s: EncoderSizes)
    throws -> ClassifierHead?
  {
    if c.isTokenClassifier { return try s.tokenHead(p) }
    guard c.isTextClassifier else { return nil }
    let (labels, output) = try p.labels("classifier", gguf: nil, size: s.hiddenSize)
    return ClassifierHead(
      classification: .init(labels: labels, rows: .first),
      dense: (
        try model.linear("pooler", gguf: nil, rows: s.hiddenSize, columns: s.hiddenSize, bias: .required), .tanh
      ), output: output)
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }
}
