import Foundation
import Tessera

/// A model that the server has, and what it can do.
public struct ServedModel: Sendable {
  /// What its files are for.
  public enum Kind: Sendable {
    /// It continues texts; vectors of texts, if it can make them.
    case text(LanguageModel, Embedder?)
    /// It makes vectors of texts, and no texts.
    case encoder(Embedder)
    case reranker(Reranker)
    case transcriber(Transcriber)
  }

  /// By which requests ask for it; it is listed by the first.
  public let names: [String]
  public let kind: Kind
  let created: Int

  /// - Parameters:
  ///   - names: by which requests ask for it; it is listed by the first.
  ///   - kind: what it is asked for.
  public init(names: [String], kind: Kind) {
    (self.names, self.kind) = (names, kind)
    created = Int(Date().timeIntervalSince1970)
  }

  public var name: String { names.first ?? "model" }

  public var language: LanguageModel {
    switch kind {
    case .text(let model, _): model
    case .encoder(let embedder): embedder.model
    case .reranker(let reranker): reranker.model
    case .transcriber(let transcriber): transcriber.model
    }
  }

  /// What it is asked for.
  package enum Use: String, Sendable {
    case completions = "complete texts"
    case embeddings = "make embeddings"
    case rerank = "rank documents"
    case transcriptions = "transcribe speech"
  }

  package var uses: [Use] {
    switch kind {
    case .text(_, let embedder): embedder == nil ? [.completions] : [.completions, .embeddings]
    case .encoder: [.embeddings]
    case .reranker: [.rerank]
    case .transcriber: [.transcriptions]
    }
  }

  var embedder: Embedder? {
    switch kind {
    case .text(_, let embedder): embedder
    case .encoder(let embedder): embedder
    default: nil
    }
  }
}
