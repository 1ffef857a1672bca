import TesseraOperators

/// DistilBERT (Sanh et al. 2019): BERT of half the layers, without segments. GGUF files of it say BERT.
struct DistilBERT: LayeredEncoder {
  static let ggufNames = ["bert"]
  static let huggingFaceNames = [
    "DistilBertModel",
    "DistilBertForMaskedLM",
    "DistilBertForSequenceClassification",
    "DistilBertForTokenClassification",
  ]

  let profile: ModelProfile
  let embedding: EncoderEmbedding
  let layers: [PostNormLayer]
  let classifier: ClassifierHead?

  private static let layerNames = EncoderSizes.LayerNames(
    query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin", output: "attention.out_lin",
    attentionNorm: "sa_layer_norm", up: "ffn.lin1", down: "ffn.lin2", mlpNorm: "output_layer_norm")

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let s = try EncoderSizes(
      c,
      names: .init(
        layers: "n_layers", size: "dim", heads: "n_heads", inner: "hidden_dim", epsilon: nil, activation: "activation"))
    let model = p.has("embeddings.word_embeddings", gguf: nil) ? p : p.scope("distilbert", gguf: "")
    let embeddings = model.scope("embeddings", gguf: "")
    // Sinusoids, where positions began as such, are stored like learned ones.
    embedding = EncoderEmbedding(
      tokens: try embeddings.embedding(
        "word_embeddings", gguf: "token_embd", rows: s.vocabularySize, size: s.hiddenSize),
      positions: try embeddings.addedEmbedding(
        "position_embeddings", gguf: "position_embd", rows: s.positionCount, size: s.hiddenSize),
      norm: try s.norm(embeddings, "LayerNorm", gguf: "token_embd_norm"))
    layers = try (0..<s.layerCount).map {
      try s.layer($0, model.scope("transformer.layer.\($0)", gguf: "blk.\($0)"), Self.layerNames)
    }
    classifier = try Self.classifier(c, p, s)
    profile = s.profile(classifier: classifier)
    model.ignore(["embeddings.position_ids"])
    p.ignore(p.store.checkpoint.tensors.map(\.name).filter { $0.hasPrefix("vocab_") })
  }

  private static func classifier(_ c: Hyperparameters, _ p: ParameterScope, _ s: EncoderSizes) throws
    -> ClassifierHead?
  {
    if c.isTokenClassifier { return try s.tokenHead(p) }
    guard c.isTextClassifier else { return nil }
    let (labels, output) = try p.labels("classifier", gguf: "cls.output", size: s.hiddenSize)
    return ClassifierHead(
      classification: .init(labels: labels, rows: .first),
      dense: (
        try p.linear("pre_classifier", gguf: "cls", rows: s.hiddenSize, columns: s.hiddenSize, bias: .required), .relu
      ), output: output)
  }

  /// In GGUF files the name is BERT's.
  static func claims(_ c: Hyperparameters) -> Bool { !c.isGGUF }

  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }
}
