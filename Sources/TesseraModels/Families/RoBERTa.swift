import TesseraOperators

/// RoBERTa (Liu et al. 2019), XLM-R (Conneau et al. 2020) and CamemBERT: BERT whose positions are counted from behind
/// the padding's. GGUF files of them say BERT, and have no rows before the first position.
struct RoBERTa: LayeredEncoder {
  static let ggufNames = ["bert"]
  static let huggingFaceNames = ["Roberta", "XLMRoberta", "Camembert"].flatMap { name in
    ["Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification"].map { name + $0 }
  }

  let profile: ModelProfile
  let embedding: EncoderEmbedding
  let layers: [PostNormLayer]
  let classifier: ClassifierHead?

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let s = try EncoderSizes(c)
    try c.require("position_embedding_type", "absolute")
    let segmentCount = try c.int("type_vocab_size", gguf: nil, in: 1...1 << 16, default: 2)
    let before = try c.int("pad_token_id", gguf: nil, in: 0...s.positionCount - 2, default: 1) + 1
    c.record?.set("context_length", s.positionCount - before)
    let model = p.has("embeddings.word_embeddings", gguf: nil) ? p : p.scope("roberta", gguf: "")
    let embeddings = model.scope("embeddings", gguf: "")
    embedding = EncoderEmbedding(
      tokens: try embeddings.embedding(
        "word_embeddings", gguf: "token_embd", rows: s.vocabularySize, size: s.hiddenSize),
      positions: try embeddings.addedEmbedding(
        "position_embeddings", gguf: "position_embd", rows: s.positionCount, size: s.hiddenSize, from: before),
      segments: try embeddings.addedEmbedding(
        "token_type_embeddings", gguf: "token_types", rows: segmentCount, size: s.hiddenSize),
      norm: try s.norm(embeddings, "LayerNorm", gguf: "token_embd_norm"))
    layers = try (0..<s.layerCount).map { try s.layer($0, model.scope("encoder.layer.\($0)", gguf: "blk.\($0)")) }
    classifier = try s.robertaHead(c, p, function: .tanh)
    profile = s.profile(positionsBefore: before, segmentCount: segmentCount, classifier: classifier)
    // Heads that were trained with, and are no part of the encoder.
    model.ignore(["pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"])
    p.ignore(p.store.checkpoint.tensors.map(\.name).filter { $0.hasPrefix("lm_head.") })
  }

  /// In GGUF files the name is BERT's.
  static func claims(_ c: Hyperparameters) -> Bool { !c.isGGUF }

  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }
}
