import TesseraJSON

/// Why text could not be turned into tokens or tokens into text.
///
/// `description` is one line that says what is wrong, where (token, merge or byte) and what to do.
public struct TextError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The kinds of failure, for code that reacts to them.
  public enum Code: String, Sendable, CaseIterable {
    /// The tokenizer's model is none that this library knows.
    case unsupportedModel
    /// The pre-tokenizer is none that this library knows.
    case unsupportedPreTokenizer
    /// A pattern by which text is cut has parts that this library cannot match, or takes too long.
    case unsupportedPattern
    /// A part of a `tokenizer.json` is of a kind or has a setting that this library does not know.
    case unsupportedComponent
    /// A JSON file is damaged, or a field of it has another type than it should.
    case malformedFile
    /// The definition contradicts itself: lengths that differ, two equal tokens, a merge of unknown tokens.
    case malformedVocabulary
    /// A token id outside the vocabulary.
    case tokenOutOfRange
    /// A byte of the text has no token and the vocabulary has no unknown token.
    case missingByteToken
    /// More text than one call takes.
    case tooLong
    /// A language between which the model does not translate.
    case unknownLanguage
  }

  /// The kind of failure.
  public let code: Code
  /// The fault, where it is, and what to do.
  public let message: String

  /// An error of a kind with its message.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }

  /// `bytes` as printable text of bounded length, in quotes: tokens come from untrusted files.
  static func quoted(_ bytes: some Collection<UInt8>) -> String {
    // Enough for more characters than are shown.
    JSONError.quoted(String(decoding: bytes.prefix(512), as: UTF8.self))
  }
}
