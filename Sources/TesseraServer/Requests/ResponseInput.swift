import Tessera
import TesseraJSON

extension RequestFields {
  /// The messages that a response's input is: a text, or items, of which what the model thought, said and called behind each
  /// other are one message.
  func inputMessages(_ limits: ServerOptions.Limits) throws(APIError) -> [ChatMessage] {
    guard let input = value("input") else { throw missing("input") }
    if let text = input.stringValue { return [ChatMessage(role: "user", content: text)] }
    guard let list = input.arrayValue else { throw wrongType("input", "a string or an array of items", input) }
    var messages: [ChatMessage] = []
    for item in try items("input", list, limits) { try item.addInput(to: &messages) }
    // Templates read a text where nothing is called.
    for index in messages.indices where messages[index].fields["content"] == nil && !messages[index].hasCalls {
      messages[index].fields["content"] = ""
    }
    return messages
  }

  private func addInput(to messages: inout [ChatMessage]) throws(APIError) {
    let last = messages.last?.role == "assistant" ? messages.last : nil
    func replaceLast(_ change: (inout ChatMessage) -> Void) {
      var message = last ?? ChatMessage(role: "assistant", content: "")
      if last == nil { message.fields["content"] = Optional.none } else { messages.removeLast() }
      change(&message)
      messages.append(message)
    }
    switch try string("type") ?? "message" {
    case "message":
      var message = try message()
      if let last, message.role == "assistant", last.fields["content"] == nil, !last.hasCalls {
        message.fields["reasoning_content"] = last.fields["reasoning_content"]
        messages.removeLast()
      }
      messages.append(message)
    case "reasoning":
      let (content, summary) = (try text("content"), try text("summary"))
      let thought = content ?? summary ?? ""
      if last?.fields["content"] == nil, last?.hasCalls == false {
        let before = last?.fields["reasoning_content"]?.stringValue ?? ""
        replaceLast { $0.fields["reasoning_content"] = .string(before + thought) }
      } else {
        var message = ChatMessage(role: "assistant", content: "")
        message.fields["content"] = Optional.none
        message.fields["reasoning_content"] = .string(thought)
        messages.append(message)
      }
    case "function_call":
      let call = try functionCall()
      replaceLast { message in
        message.fields["tool_calls"] = .array((message.fields["tool_calls"]?.arrayValue ?? []) + [call])
        // Templates want objects where OpenAI has texts.
        message.readArguments()
      }
    case "function_call_output":
      guard let id = try string("call_id") else { throw missing("call_id") }
      guard let output = try text("output") else { throw missing("output") }
      var message = ChatMessage(role: "tool", content: output)
      message.fields["tool_call_id"] = .string(id)
      messages.append(message)
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
    return [
      "id": .string(id), "type": "function", "function": ["name": .string(name), "arguments": .string(arguments)],
    ]
  }
}

extension ChatMessage {
  fileprivate var hasCalls: Bool { fields["tool_calls"] != nil }
}
