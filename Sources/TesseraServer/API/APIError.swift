import Tessera
import TesseraJSON

/// A refusal, in the form that OpenAI's interface has.
package struct APIError: Error, Sendable, Equatable {
  package var status: Int
  package var message: String
  package var type: String
  /// The field at fault, such as `messages[0].content`.
  package var param: String?
  package var code: String?
  /// Seconds after which it may be tried again.
  package var retryAfter: Int?
  /// Methods that a path takes, where another was used.
  package var allow: String?

  package init(
    _ status: Int, _ message: String, type: String = "invalid_request_error", param: String? = nil, code: String? = nil,
    retryAfter: Int? = nil
  ) {
    (self.status, self.message, self.type) = (status, message, type)
    (self.param, self.code, self.retryAfter) = (param, code, retryAfter)
  }

  /// `{"error": {…}}`
  package var document: JSONValue {
    [
      "error": [
        "message": .string(message), "type": .string(type), "param": param.map { .string($0) } ?? nil,
        "code": code.map { .string($0) } ?? nil,
      ]
    ]
  }

  // MARK: What is refused

  /// A field's value cannot be served.
  static func invalid(_ param: String, _ message: String, code: String = "invalid_value") -> APIError {
    APIError(400, message, param: param, code: code)
  }

  /// A field that is known, and not supported.
  static func unsupported(_ param: String, _ reason: String) -> APIError {
    APIError(400, "'\(param)' is not supported: \(reason)", param: param, code: "unsupported_parameter")
  }

  /// - Parameter isLeast: whether there may be more tokens.
  static func contextExceeded(_ tokens: Int, _ context: Int, isLeast: Bool = false, param: String) -> APIError {
    APIError(
      400,
      "The prompt has \(isLeast ? "at least " : "")\(tokens) tokens, and this model's context holds \(context): shorten the prompt, or start the server "
        + "with a longer --context.", param: param, code: "context_length_exceeded")
  }

  static let draining = APIError(
    503, "The server is shutting down.", type: "server_error", code: "shutting_down", retryAfter: 10)

  static let hidden = APIError(
    500, "The server could not serve the request; its log says why.", type: "server_error", code: "internal_error")

  /// What an error of the library means to a client.
  ///
  /// - Parameter param: the field that the prompt comes from.
  static func of(_ error: any Error, param: String) -> APIError {
    switch error {
    case let error as APIError: return error
    case let error as TesseraError:
      switch error.code {
      case .contextFull: return APIError(400, error.message, param: param, code: "context_length_exceeded")
      case .notFinite: return .hidden
      default: return APIError(400, error.message, param: error.code == .badOption ? nil : param, code: "invalid_value")
      }
    case let error as ChatError: return APIError(400, error.description, param: param, code: "invalid_value")
    case let error as GrammarError: return APIError(400, error.description, param: param, code: "invalid_value")
    case let error as TextError: return APIError(400, error.description, param: param, code: "invalid_value")
    case let error as AudioError: return APIError(400, error.description, param: param, code: "invalid_value")
    default: return .hidden
    }
  }
}
