/// What went wrong with a chat template, a conversation or the rendering of one with the other.
public struct TemplateError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The kind of failure.
  public enum Code: Sendable, Equatable {
    /// The template's text is not valid Jinja.
    case syntax
    /// The template uses a part of Jinja or Python that is not interpreted here.
    case unsupported
    /// An operation on values that Jinja would refuse as well (a wrong type, an undefined value, a division by zero).
    case operation
    /// A limit on work, size or nesting was reached.
    case limit
    /// The template itself refused the conversation by calling `raise_exception`.
    case raised
    /// The JSON of a conversation is malformed.
    case json
  }

  /// The kind of failure.
  public let code: Code
  /// The line of the template (or, for `json`, of the document), counted from 1.
  public let line: Int
  /// What is wrong. For `raised`: the template's own words.
  public let message: String

  /// Makes an error for a line of the template.
  public init(_ code: Code, line: Int, _ message: String) {
    self.code = code
    self.line = line
    self.message = message
  }

  public var description: String {
    switch code {
    case .raised: "the chat template refuses the conversation: \(message) (line \(line))"
    case .json: "invalid JSON on line \(line): \(message)"
    case .unsupported: "chat template, line \(line): \(message) is not supported"
    case .syntax, .operation, .limit: "chat template, line \(line): \(message)"
    }
  }
}
