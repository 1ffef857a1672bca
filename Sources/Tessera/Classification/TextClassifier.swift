import Foundation
import TesseraFiles
import TesseraModels

/// A model that tells labels apart: of texts, or of each token of a text.
///
///     let classifier = try await TextClassifier.load(from: url)
///     let best = try await classifier.classify(["What a day!"])[0].max { $0.probability < $1.probability }
public final class TextClassifier: Sendable {
  public struct Label: Sendable, Equatable {
    public let name: String
    /// What the model gives.
    public let logit: Float
    /// Of all labels together one, or of each by itself where several may hold (`isMultiLabel`).
    public let probability: Float
  }

  /// A token with its labels.
  public struct Token: Sendable, Equatable {
    public let id: Int
    public let labels: [Label]
  }

  public let model: LanguageModel
  /// The names of the labels.
  public let labels: [String]
  /// Whether each token of a text has labels, and not the text.
  public let judgesTokens: Bool
  /// Whether labels do not exclude each other.
  public let isMultiLabel: Bool

  /// Loads a classifier: a GGUF file, or a Hugging Face folder.
  ///
  /// - Throws: as `LanguageModel.load`, and `ModelError` for a model that has no head for labels.
  public static func load(
    from url: URL, options: LoadOptions = LoadOptions(),
    progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> TextClassifier {
    try await load(ModelSource(path: url.path), options: options, progress: progress)
  }

  /// Loads a classifier whose file is open.
  package static func load(
    _ source: ModelSource, options: LoadOptions = LoadOptions(),
    progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> TextClassifier {
    try options.refuseAdapters("classifiers and rerankers")
    var options = options
    // As for an embedder: each text of a step takes a block at least.
    options.sequenceCount = max(options.sequenceCount, 64)
    let problem = try (source.checkpoint as? HuggingFaceCheckpoint)?.config.optionalString("problem_type")
    return try TextClassifier(
      await LanguageModel.load(source, options: options, progress: progress),
      isMultiLabel: problem == "multi_label_classification")
  }

  private init(_ model: LanguageModel, isMultiLabel: Bool) throws {
    guard let classification = model.profile.classification else { throw ModelError.noHead(model.profile) }
    self.model = model
    labels = classification.labels
    judgesTokens = classification.rows == .each
    self.isMultiLabel = isMultiLabel || labels.count == 1
  }

  /// The labels of each text, in the model's order.
  ///
  /// - Throws: `TesseraError` `.badOption` for a model that judges tokens, `.noTokenizer`, `.contextFull` for a text that
  ///   is too long.
  public func classify(_ texts: [String]) async throws -> [[Label]] {
    try await classify(tokens: model.texts.run { try texts.map { try self.model.tokenizer.encode($0) } })
  }

  /// As for texts, of their token ids, those that a tokenizer would add included.
  ///
  /// - Parameters:
  ///   - tokens: the ids of each text.
  ///   - tokenTypes: the segments of each text's tokens, of models that tell segments apart.
  public func classify(tokens: [[Int]], tokenTypes: [[Int]]? = nil) async throws -> [[Label]] {
    guard !judgesTokens else {
      throw TesseraError(.badOption, "the model has labels for each token, none for a text: ask for those of tokens")
    }
    return try await scores(tokens, tokenTypes).map(named)
  }

  /// The tokens of each text with their labels.
  public func classifyTokens(_ texts: [String]) async throws -> [[Token]] {
    try await classifyTokens(tokens: model.texts.run { try texts.map { try self.model.tokenizer.encode($0) } })
  }

  /// As for texts, of their token ids.
  public func classifyTokens(tokens: [[Int]], tokenTypes: [[Int]]? = nil) async throws -> [[Token]] {
    guard judgesTokens else {
      throw TesseraError(.badOption, "the model has labels for a text, none for its tokens: ask for those of texts")
    }
    let count = labels.count
    return try await zip(tokens, scores(tokens, tokenTypes)).map { ids, scores in
      ids.enumerated().map { Token(id: $1, labels: named(Array(scores[$0 * count..<($0 + 1) * count]))) }
    }
  }

  /// Logits of each text, (rows, labels).
  func scores(_ tokens: [[Int]], _ types: [[Int]]?) async throws -> [[Float]] {
    if let types, types.count != tokens.count {
      throw TesseraError(.badOption, "segments of \(types.count) texts for \(tokens.count): give those of each")
    }
    for (index, ids) in tokens.enumerated() {
      guard !ids.isEmpty else { throw TesseraError(.emptyPrompt, "text \(index + 1) has no tokens: leave it out") }
      guard ids.count <= model.contextLength else {
        throw TesseraError(
          .contextFull, "text \(index + 1) has \(ids.count) tokens, the context \(model.contextLength): shorten it")
      }
    }
    return try await model.engine.labelScores(
      tokens.enumerated().map { TypedTokens(ids: $1, types: types?[$0]) })
  }

  private func named(_ logits: [Float]) -> [Label] {
    let most = Double(logits.max() ?? 0)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - most) }
    return zip(labels, logits).map { name, logit in
      let probability = isMultiLabel ? 1 / (1 + exp(-Double(logit))) : exp(Double(logit) - most) / sum
      return Label(name: name, logit: logit, probability: Float(probability))
    }
  }
}
