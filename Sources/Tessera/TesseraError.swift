/// Reasons why a request cannot be served.
public struct TesseraError: Error, CustomStringConvertible, Sendable {
  public enum Code: Sendable, Equatable {
    /// The prompt, or the prompt with what was generated, is longer than the context.
    case contextFull
    /// An option is out of range.
    case badOption
    /// The model has no chat template.
    case noChatTemplate
    /// The model has no tokenizer.
    case noTokenizer
    /// The prompt has no tokens.
    case emptyPrompt
    /// The path names nothing that can be loaded.
    case unsupportedFile
    /// The stream of an answer was iterated before: iterating it sends the message.
    case alreadySent
    /// The model's logits are not finite.
    case notFinite
  }

  public let code: Code
  /// The fault, where it is, and what to do.
  public let message: String
  public var description: String { message }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  static let notFinite = TesseraError(
    .notFinite, "the model's logits are not finite: the file is damaged, or the driver wrong; try `tessera doctor`")
}
