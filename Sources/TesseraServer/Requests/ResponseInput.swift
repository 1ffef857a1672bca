import Tessera
import TesseraJSON

extension RequestFields {
  /// The messages that a response's input is: a text, or items, of which what the model thought, said and called behind each
  /// other are one message.
  func inputMessages(_ limits: ServerOptions.Limits) throws(APIError) -> [ChatMessage] {
    guard let input = value("input") else { throw missing("input") }
    if let text = input.stringValue { return [ChatMessage(role: "user", content: text)] }
    guard let list = input.arrayValue else { throw wrongType("input", "a string or an array of items", input) }
    var messages = InputMessages()
    for item in try items("input", list, limits) { try item.addInput(to: &messages) }
    return messages.finish()
  }

  private func addInput(to messages: inout InputMessages) throws(APIError) {
    switch try string("type") ?? "message" {
    case "message": messages.add(try message())
    case "reasoning":
      let (content, summary) = (try text("content") ?? "", try text("summary") ?? "")
      messages.add(thought: content.isEmpty ? summary : content)
    case "function_call": messages.add(call: try functionCall())
    case "function_call_output":
      guard let id = try string("call_id") else { throw missing("call_id") }
      guard let output = try text("output") else { throw missing("output") }
      var message = ChatMessage(role: "tool", content: output)
      message.fields["tool_call_id"] = .string(id)
      messages.add(message)
    case let type:
      throw .unsupported(
        path("type"),
        "items of type '\(type.prefix(100))' are not read: messages, reasoning, function calls and their outputs are.")
    }
  }

  /// A call in the form that chats have it in.
  private func functionCall() throws(APIError) -> JSONValue {
    guard let id = try string("call_id") else { throw missing("call_id") }
    guard let name = try string("name") else { throw missing("name") }
    guard let arguments = try string("arguments") else { throw missing("arguments") }
    // Templates want objects where OpenAI has texts.
    return [
      "id": .string(id), "type": "function",
      "function": ["name": .string(name), "arguments": ChatMessage.arguments(arguments)],
    ]
  }
}

/// The messages that items make one after another.
private struct InputMessages {
  private var messages: [ChatMessage] = []
  /// What the model thought last, as long as no message has it.
  private var thought: String?
  /// What it called last, as long as the last message, which is the model's, has them not.
  private var calls: [JSONValue] = []

  mutating func add(_ message: ChatMessage) {
    var message = message
    addCalls()
    if message.role == "assistant", let thought {
      message.fields["reasoning_content"] = .string(thought)
      self.thought = nil
    }
    addThought()
    messages.append(message)
  }

  mutating func add(thought: String) {
    addCalls()
    if self.thought == nil { self.thought = thought } else { self.thought? += thought }
  }

  mutating func add(call: JSONValue) {
    addThought()
    if messages.last?.role != "assistant" { addAnswer() }
    calls.append(call)
  }

  mutating func finish() -> [ChatMessage] {
    addCalls()
    addThought()
    // Templates read a text where nothing is called.
    for index in messages.indices {
      let fields = messages[index].fields
      if fields["content"] == nil, fields["tool_calls"] == nil { messages[index].fields["content"] = "" }
    }
    return messages
  }

  private mutating func addCalls() {
    guard !calls.isEmpty, let last = messages.indices.last else { return }
    messages[last].fields["tool_calls"] = .array((messages[last].fields["tool_calls"]?.arrayValue ?? []) + calls)
    calls = []
  }

  private mutating func addThought() {
    guard let thought else { return }
    addAnswer(["reasoning_content": .string(thought)])
    self.thought = nil
  }

  /// A message of the model without a text.
  private mutating func addAnswer(_ fields: JSONObject = [:]) {
    var message = ChatMessage(role: "assistant", content: "")
    message.fields["content"] = Optional.none
    message.fields = message.fields + fields
    messages.append(message)
  }
}
