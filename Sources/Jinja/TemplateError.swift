/// A failure to parse a template or to render it.
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
    /// The template itself refused its variables by calling `raise_exception`.
    case raised
  }

  /// The kind of failure.
  public let code: Code
  /// The line of the template, counted from 1.
  public let line: Int
  /// The problem. For `raised`: the template's own words.
  public let message: String

  /// Makes an error for a line of the template.
  public init(_ code: Code, line: Int, _ message: String) {
    self.code = code
    self.line = line
    self.message = message
  }

  public var description: String {
    switch code {
    case .raised: "the template raises: \(message) (line \(line))"
    case .unsupported: "line \(line): \(message) is not supported"
    case .syntax, .operation, .limit: "line \(line): \(message)"
    }
  }
}
