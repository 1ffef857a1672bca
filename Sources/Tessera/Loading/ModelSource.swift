import TesseraFiles
import TesseraText

/// A model's file, and what is read of it before its weights.
public struct ModelSource: Sendable {
  public let file: GGUFFile

  /// - Throws: `FileError` if there is no GGUF file at the path or it is damaged.
  public init(path: String) throws {
    file = try GGUFFile(path: path)
  }

  /// The tokenizer that the metadata describes.
  public func tokenizer() throws -> Tokenizer { try Tokenizer(tokenizerDefinition()) }

  /// The chat template of the metadata, if there is one.
  public func chatTemplate() throws -> ChatTemplate? {
    try file.metadata.optionalString("tokenizer.chat_template").map { source in try ChatTemplate(source: source) }
  }
}
