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

  /// Makes a message of any fields. Throws `conversation` unless one is a `role` that is a string.
  public init(fields: JSONObject) throws(ChatError) {
    guard fields["role"]?.stringValue != nil else {
      throw ChatError(.conversation, "a message needs a \"role\" that is a string")
    }
    self.fields = fields
  }

  /// The speaker.
  public var role: String { fields["role"]?.stringValue ?? "" }

  /// The content: text, a list of parts, or null.
  public var content: JSONValue { fields["content"] ?? .null }

  /// The message as a JSON value.
  public var value: JSONValue { .object(fields) }
}
