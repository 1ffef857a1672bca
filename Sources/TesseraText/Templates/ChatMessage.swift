import TesseraJSON

/// One message of a conversation, in the form of OpenAI's chat API.
///
/// Its fields are given to the chat template as they are: `role`, `content` (a string, null or a list of parts),
/// `tool_calls`, `tool_call_id`, `name`, and any other that the model's template reads.
public struct ChatMessage: Sendable, Equatable {
  /// All fields, in order.
  public var fields: JSONObject

  /// Makes a message with a role (`system`, `user`, `assistant`, `tool`) and text.
  public init(role: String, content: String) {
    fields = ["role": .string(role), "content": .string(content)]
  }

  /// Makes a message of any fields. Throws `json` unless one is a `role` that is a string.
  public init(fields: JSONObject) throws(TemplateError) {
    guard fields["role"]?.stringValue != nil else {
      throw TemplateError(.json, line: 1, "a message needs a \"role\" that is a string")
    }
    self.fields = fields
  }

  /// Who speaks.
  public var role: String { fields["role"]?.stringValue ?? "" }

  /// The content: text, a list of parts, or null.
  public var content: JSONValue { fields["content"] ?? .null }

  /// The message as a template's value.
  public var value: JSONValue { .object(fields) }

  /// Reads messages from JSON: an array of message objects, or an object with `messages`.
  public static func messages(fromJSON bytes: [UInt8]) throws(TemplateError) -> [ChatMessage] {
    try Conversation(fromJSON: bytes).messages
  }
}

/// A conversation and the tools that the model may call.
public struct Conversation: Sendable, Equatable {
  public var messages: [ChatMessage]
  /// JSON schemas of functions; nil when the conversation has no tools.
  public var tools: [JSONValue]?

  /// Makes a conversation of messages.
  public init(messages: [ChatMessage], tools: [JSONValue]? = nil) {
    self.messages = messages
    self.tools = tools
  }

  /// Reads a conversation from JSON: an array of messages, or an object with `messages` and perhaps `tools`.
  ///
  /// Throws `json` where the text is not such a document.
  public init(fromJSON bytes: [UInt8]) throws(TemplateError) {
    let document: JSONValue
    do {
      document = try JSONValue(parsing: bytes, options: .request)
    } catch {
      throw TemplateError(
        .json, line: error.position?.line ?? 1, error.problem + (error.position.map { " (byte \($0.byte))" } ?? ""))
    }
    func fail(_ message: String) -> TemplateError { TemplateError(.json, line: 1, message) }
    guard let list = document.arrayValue ?? document.objectValue?["messages"]?.arrayValue else {
      throw fail("a conversation is an array of messages, or an object with an array \"messages\"")
    }
    messages = []
    for (index, element) in list.enumerated() {
      guard let fields = element.objectValue, fields["role"]?.stringValue != nil else {
        throw fail("message \(index + 1) is not an object with a \"role\" that is a string")
      }
      messages.append(try ChatMessage(fields: fields))
    }
    switch document.objectValue?["tools"] {
    case nil, .null?: tools = nil
    case .array(let list)?: tools = list
    default: throw fail("\"tools\" is not an array")
    }
  }
}
