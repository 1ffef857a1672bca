import TesseraJSON

/// A function that a model may call, in the form of OpenAI's chat API, which chat templates take
/// (https://huggingface.co/docs/transformers/chat_extras).
public struct ToolDefinition: Sendable, Equatable {
  /// The function's name.
  public var name: String
  /// What it does, for the model.
  public var description: String?
  /// A JSON schema of its arguments.
  public var parameters: JSONValue

  /// A function; without parameters it takes none.
  public init(name: String, description: String? = nil, parameters: JSONValue? = nil) {
    (self.name, self.description) = (name, description)
    self.parameters = parameters ?? ["type": "object", "properties": .object([:])]
  }

  /// As templates read it.
  public var value: JSONValue {
    var function: JSONObject = ["name": .string(name)]
    if let description { function["description"] = .string(description) }
    function["parameters"] = parameters
    return ["type": "function", "function": .object(function)]
  }
}

extension ChatMessage {
  /// What the model answered: text, what it thought (`reasoning_content`), and the tools that it called.
  public init(answer: ParsedAnswer) {
    self.init(role: "assistant", content: answer.content)
    if !answer.reasoning.isEmpty { fields["reasoning_content"] = .string(answer.reasoning) }
    if answer.toolCalls.isEmpty { return }
    if answer.content.isEmpty { fields["content"] = .null }
    fields["tool_calls"] = .array(
      answer.toolCalls.map { call in
        [
          "id": .string(call.id), "type": "function",
          "function": ["name": .string(call.name), "arguments": .string(call.arguments)],
        ]
      })
    readArguments()
  }

  /// A tool's result.
  /// - Parameters:
  ///   - result: the text that the model reads.
  ///   - call: whose result it is.
  public init(result: String, of call: ToolCall) {
    self.init(role: "tool", content: result)
    fields["tool_call_id"] = .string(call.id)
    fields["name"] = .string(call.name)
  }

  /// Makes objects of arguments that are JSON texts, as OpenAI's API has them: templates want objects, which they write
  /// as JSON again. What is no object stays as it is.
  public mutating func readArguments() {
    guard let calls = fields["tool_calls"]?.arrayValue else { return }
    fields["tool_calls"] = .array(
      calls.map { call in
        guard var object = call.objectValue, var function = object["function"]?.objectValue,
          let text = function["arguments"]?.stringValue
        else { return call }
        function["arguments"] = Self.arguments(text)
        object["function"] = .object(function)
        return .object(object)
      })
  }

  /// The object that a JSON text of a call's arguments is, or the text where it is none.
  public static func arguments(_ text: String) -> JSONValue {
    let value = try? JSONValue(parsing: Array(text.utf8), path: nil, options: .request)
    return value?.objectValue == nil ? .string(text) : value ?? .string(text)
  }
}
