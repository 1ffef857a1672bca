import Foundation
import TesseraFiles
import TesseraModels

/// A model that reads a question and a text together, and says how well the text answers it (Nogueira & Cho 2019).
///
///     let reranker = try await Reranker.load(from: url)
///     let best = try await reranker.rank("What is gravity?", documents: texts)[0]
public final class Reranker: Sendable {
  public struct Score: Sendable, Equatable {
    /// Of the document among those given.
    public let index: Int
    /// What the model gives.
    public let logit: Float
    /// The logit as the model's files want it shown: from 0 to 1 unless they say otherwise.
    public let score: Float
  }

  public let model: LanguageModel
  private let classifier: TextClassifier
  private let isSigmoid: Bool

  /// Loads a cross-encoder: a GGUF file, or a Hugging Face folder.
  ///
  /// - Throws: as `LanguageModel.load`, and `ModelError` for a model that does not give one score for a text.
  public static func load(
    from url: URL, options: LoadOptions = LoadOptions(),
    progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> Reranker {
    try await load(ModelSource(path: url.path), options: options, progress: progress)
  }

  /// Loads a cross-encoder whose file is open.
  package static func load(
    _ source: ModelSource, options: LoadOptions = LoadOptions(),
    progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> Reranker {
    let isSigmoid = try Self.isSigmoid(source.checkpoint)
    return try Reranker(
      await TextClassifier.load(source, options: options, progress: progress), isSigmoid: isSigmoid)
  }

  private init(_ classifier: TextClassifier, isSigmoid: Bool) throws {
    guard classifier.labels.count == 1, !classifier.judgesTokens else {
      throw ModelError(
        .unsupportedFeature,
        "\(classifier.model.profile.architecture) has \(classifier.labels.count) labels: a model with one score for two "
          + "texts is needed; `tessera classify` shows the labels")
    }
    (self.classifier, model, self.isSigmoid) = (classifier, classifier.model, isSigmoid)
  }

  /// What sentence-transformers puts behind the logit.
  private static func isSigmoid(_ checkpoint: any Checkpoint) throws -> Bool {
    guard let folder = checkpoint as? HuggingFaceCheckpoint else { return true }
    let name =
      try folder.config.optionalFields("sentence_transformers")?.optionalString("activation_fn")
      ?? folder.config.optionalString("sbert_ce_default_activation_function")
    switch name?.split(separator: ".").last {
    case nil, "Sigmoid": return true
    case "Identity": return false
    case let other?:
      throw ModelError(
        .unsupportedFeature, "\(folder.path): scores go through \(other): Sigmoid and Identity are supported")
    }
  }

  /// The documents' scores, the best first.
  ///
  /// Of a document that does not fit the context with the question, the end is left out.
  /// - Throws: `TesseraError` `.noTokenizer`, `.contextFull` for a question that leaves no room.
  public func rank(_ query: String, documents: [String]) async throws -> [Score] {
    let pairs = try await model.texts.run { try documents.map { try self.pair(query, $0) } }
    return try await rank(tokens: pairs.map(\.ids), tokenTypes: pairs.map(\.types))
  }

  /// As for texts, of the token ids of question and document together.
  ///
  /// - Parameters:
  ///   - tokens: of each document, the ids of both texts and of what stands between them.
  ///   - tokenTypes: the segment of each token; models that tell none apart leave them out.
  public func rank(tokens: [[Int]], tokenTypes: [[Int]]? = nil) async throws -> [Score] {
    let types = model.profile.segmentCount > 0 ? tokenTypes : nil
    let scores = try await classifier.scores(tokens, types).enumerated().map { index, logits in
      let logit = logits.first ?? 0
      return Score(index: index, logit: logit, score: isSigmoid ? Float(1 / (1 + exp(-Double(logit)))) : logit)
    }
    // Equal ones stay in order.
    return scores.sorted { ($0.logit, $1.index) > ($1.logit, $0.index) }
  }

  private func pair(_ query: String, _ document: String) throws -> (ids: [Int], types: [Int]) {
    let tokenizer = try model.tokenizer
    let first = try tokenizer.encode(query, addSpecial: false)
    var second = try tokenizer.encode(document, addSpecial: false)
    var (ids, types) = tokenizer.framed(first, pair: second)
    if ids.count > model.contextLength {
      let room = second.count - (ids.count - model.contextLength)
      guard room > 0 else {
        throw TesseraError(
          .contextFull,
          "the question has \(first.count) tokens, the context \(model.contextLength): that leaves no room for documents"
        )
      }
      second = Array(second.prefix(room))
      (ids, types) = tokenizer.framed(first, pair: second)
    }
    return (ids, types)
  }
}
