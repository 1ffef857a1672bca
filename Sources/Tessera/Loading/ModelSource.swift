import TesseraFiles
import TesseraModels
import TesseraText

/// A model's file, or the description of a random one, and what is read of it before its weights.
public struct ModelSource: Sendable {
  public let file: GGUFFile

  /// - Throws: `FileError` if there is no GGUF file at the path or it is damaged.
  public init(path: String) throws {
    file = try GGUFFile(path: path)
  }

  /// A model of random weights; its tokens are the 256 bytes and names such as `<257>`.
  ///
  /// - Throws: `FileError`, `ModelError` for sizes that make no model.
  public init(_ model: RandomModel) throws {
    file = try model.file()
  }

  /// The tokenizer that the metadata describes.
  public func tokenizer() throws -> Tokenizer {
    try Tokenizer(file.hasData ? tokenizerDefinition() : byteTokens(count: Configuration(file).vocabularyCount))
  }

  /// The chat template of the metadata, if there is one.
  public func chatTemplate() throws -> ChatTemplate? {
    try ChatTemplate(ofModel: try file.metadata.optionalString("tokenizer.chat_template"))
  }
}
