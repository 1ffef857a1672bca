import TesseraOperators

/// ELECTRA (Clark et al. 2020): BERT whose embedding may be narrower than its layers.
struct ELECTRA: LayeredEncoder {
  static let ggufNames: [String] = []
  static let huggingFaceNames = [
    "ElectraModel",
    "ElectraForPreTraining",
    "ElectraForMaskedLM",
    "ElectraForSequenceClassification",
    "ElectraForTokenClassification",
  ]

  let profile: ModelProfile
  let embedding: EncoderEmbedding
  let layers: [PostNormLayer]
  let classifier: ClassifierHead?

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let size = try c.int("embedding_size", gguf: nil, in: 1...1 << 20, default: 128)
    let s = try EncoderSizes(c, embeddingSize: size)
    try c.require("position_embedding_type", "absolute")
    let segmentCount = try c.int("type_vocab_size", gguf: nil, in: 1...1 << 16, default: 2)
    let model = p.has("embeddings.word_embeddings", gguf: nil) ? p : p.scope("electra", gguf: "")
    let embeddings = model.scope("embeddings", gguf: "")
    embedding = EncoderEmbedding(
      tokens: try embeddings.embedding("word_embeddings", gguf: nil, rows: s.vocabularySize, size: size),
      positions: try embeddings.addedEmbedding("position_embeddings", gguf: nil, rows: s.positionCount, size: size),
      segments: try embeddings.addedEmbedding("token_type_embeddings", gguf: nil, rows: segmentCount, size: size),
      norm: try s.norm(embeddings, "LayerNorm", gguf: nil, size: size),
      projection: size == s.hiddenSize
        ? nil
        : try model.linear("embeddings_project", gguf: nil, rows: s.hiddenSize, columns: size, bias: .required))
    layers = try (0..<s.layerCount).map { try s.layer($0, model.scope("encoder.layer.\($0)", gguf: "")) }
    classifier = try s.robertaHead(c, p, function: .geluErf)
    profile = s.profile(segmentCount: segmentCount, classifier: classifier)
    // Heads that were trained with, and are no part of the encoder.
    model.ignore(["embeddings.position_ids"])
    p.ignore(
      p.store.checkpoint.tensors.map(\.name).filter { name in
        ["generator_", "discriminator_"].contains { name.hasPrefix($0) }
      })
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }
}
