import Jinja

/// Why a conversation could not be read or turned into a prompt.
public struct ChatError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The kinds of failure.
  public enum Code: Sendable, Equatable {
    /// The conversation's JSON is malformed, or not a conversation.
    case conversation
    /// The template refuses the conversation, in its own words.
    case refused
    /// The template renders nothing for the conversation.
    case nothingRendered
    /// The template is not valid, uses what is not interpreted, fails on the conversation's values or goes over a limit.
    case template(TemplateError.Code)
  }

  /// The kind of failure.
  public let code: Code
  /// The fault, where it is, and what to do. For `refused`: the template's own words.
  public let message: String

  /// An error of a kind with its message.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// A template's error, its words changed by `restoring`.
  init(_ error: TemplateError, restoring: (String) -> String = { $0 }) {
    switch error.code {
    case .raised: self.init(.refused, restoring(error.message))
    default: self.init(.template(error.code), "chat template, \(restoring(error.description))")
    }
  }

  public var description: String {
    code == .refused ? "the chat template refuses the conversation: \(message)" : message
  }
}
