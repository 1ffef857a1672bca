import TesseraJSON

/// Why a grammar, a JSON schema or a regular expression cannot be served, or an answer cannot follow it.
public struct GrammarError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The kinds of failure.
  public enum Code: String, Sendable, CaseIterable {
    /// It is no grammar, schema or expression of the kind that it was given as.
    case malformed
    /// It asks for what cannot be guaranteed.
    case unsupported
    /// Nothing at all fulfills it.
    case unsatisfiable
    /// It is larger, deeper or more ambiguous than the bounds allow.
    case tooComplex
    /// The vocabulary has no token with which the text could go on.
    case noToken
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

  /// `text` in quotes, shortened: it comes from requests.
  static func quoted(_ text: String) -> String { JSONError.quoted(String(text.prefix(80))) }
}
