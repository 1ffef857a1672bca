import TesseraOperators

/// BERT (Devlin et al. 2019): an encoder with learned positions and segments, and a norm behind each block.
struct BERT: LayeredEncoder {
  static let ggufNames = ["bert"]
  static let huggingFaceNames = [
    "BertModel",
    "BertForMaskedLM",
    "BertForPreTraining",
    "BertForSequenceClassification",
    "BertForTokenClassification",
  ]

  let profile: ModelProfile
  let embedding: EncoderEmbedding
  let layers: [PostNormLayer]
  let classifier: ClassifierHead?

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let s = try EncoderSizes(c)
    try c.require("position_embedding_type", "absolute")
    let storedSegments = c.isGGUF ? c.checkpoint.tensor(named: "token_types.weight")?.rowCount ?? 0 : nil
    let segmentCount = try c.int(
      "type_vocab_size", gguf: nil, in: (c.isGGUF ? 0 : 1)...1 << 16, default: storedSegments ?? 2)
    let model = p.has("embeddings.word_embeddings", gguf: "token_embd") ? p : p.scope("bert", gguf: "")
    let embeddings = model.scope("embeddings", gguf: "")
    embedding = EncoderEmbedding(
      tokens: try embeddings.embedding(
        "word_embeddings", gguf: "token_embd", rows: s.vocabularySize, size: s.hiddenSize),
      positions: try embeddings.addedEmbedding(
        "position_embeddings", gguf: "position_embd", rows: s.positionCount, size: s.hiddenSize),
      segments: segmentCount == 0
        ? nil
        : try embeddings.addedEmbedding(
          "token_type_embeddings", gguf: "token_types", rows: segmentCount, size: s.hiddenSize),
      norm: try s.norm(embeddings, "LayerNorm", gguf: "token_embd_norm"))
    layers = try (0..<s.layerCount).map { try s.layer($0, model.scope("encoder.layer.\($0)", gguf: "blk.\($0)")) }
    classifier = try Self.classifier(c, p, model, size: s.hiddenSize, hasSegments: segmentCount > 0)
    profile = s.profile(segmentCount: segmentCount, classifier: classifier)
    // Heads that were trained with, and are no part of the encoder.
    model.ignore(["pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"])
    if !c.isGGUF { p.ignore(p.store.checkpoint.tensors.map(\.name).filter { $0.hasPrefix("cls.") }) }
  }

  private static func classifier(
    _ c: Hyperparameters, _ p: ParameterScope, _ model: ParameterScope, size: Int, hasSegments: Bool
  ) throws -> ClassifierHead? {
    if c.isGGUF { return try ggufClassifier(c, p, size: size, hasSegments: hasSegments) }
    guard c.isTextClassifier || c.isTokenClassifier else { return nil }
    let (labels, output) = try p.labels("classifier", gguf: nil, size: size)
    var head = ClassifierHead(
      classification: .init(labels: labels, rows: c.isTextClassifier ? .first : .each), output: output)
    if c.isTextClassifier {
      head.dense = (
        try model.linear("pooler.dense", gguf: nil, rows: size, columns: size, bias: .required), .tanh
      )
    }
    return head
  }

  /// What converters keep of the heads: RoBERTa's, and DistilBERT's, which has no segments.
  private static func ggufClassifier(_ c: Hyperparameters, _ p: ParameterScope, size: Int, hasSegments: Bool) throws
    -> ClassifierHead?
  {
    guard p.has(nil, gguf: "cls") || p.has(nil, gguf: "cls.output") else { return nil }
    guard p.has(nil, gguf: "cls"), p.has(nil, gguf: "cls.output") else {
      throw ModelError(
        .unsupportedFeature,
        "\(c.checkpoint.path): a classifier without its first layer, which converters leave out of BERT's: use the "
          + "model's Hugging Face folder")
    }
    let (labels, output) = try p.labels("cls.output", gguf: "cls.output", size: size)
    return ClassifierHead(
      classification: .init(labels: labels, rows: .first),
      dense: (
        try p.linear(nil, gguf: "cls", rows: size, columns: size, bias: .required), hasSegments ? .tanh : .relu
      ), output: output)
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }
}
