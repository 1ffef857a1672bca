import Tessera
import TesseraText

/// Whether a model's files have what texts and conversations need.
struct TextDescription {
  let tokenizer, template: Part

  /// Named as the document names them.
  struct Part: Encodable {
    var is_there: Bool
    /// Of a tokenizer.
    var tokens: Int?
    /// Why it is not there, or cannot be used.
    var error: String?

    var text: String {
      guard is_there else { return "none" + (error.map { ": \($0)" } ?? "") }
      return tokens.map { "\($0) tokens" } ?? "yes"
    }
  }

  /// - Parameter vocabularySize: rows of the model's embedding, where they are known.
  init(_ source: ModelSource, vocabularySize: Int?) {
    do {
      let found = try source.tokenizer(vocabularySize: vocabularySize)
      tokenizer = Part(is_there: true, tokens: found.vocabularyCount)
      do {
        template = Part(is_there: try source.chatTemplate(of: found) != nil)
      } catch { template = Part(is_there: false, error: "\(error)") }
    } catch {
      tokenizer = Part(is_there: false, error: "\(error)")
      template = Part(is_there: false)
    }
  }
}
