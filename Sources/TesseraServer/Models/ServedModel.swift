import Foundation
import Tessera

/// A model that the server has, and what it can do.
package struct ServedModel: Sendable {
  /// What its files are for.
  package enum Kind: Sendable {
    /// It continues texts; vectors of texts, if it can make them.
    case text(LanguageModel, Embedder?)
    /// It makes vectors of texts, and no texts.
    case encoder(Embedder)
    case reranker(Reranker)
    case transcriber(Transcriber)
  }

  /// Its names, of which the first is the one that it is listed by.
  package let names: [String]
  package let kind: Kind
  let created: Int

  package init(names: [String], kind: Kind) {
    (self.names, self.kind) = (names, kind)
    created = Int(Date().timeIntervalSince1970)
  }

  package var name: String { names.first ?? "model" }

  package var language: LanguageModel {
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
