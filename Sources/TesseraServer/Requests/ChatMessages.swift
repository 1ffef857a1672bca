import Tessera
import TesseraJSON

extension RequestFields {
  /// The messages of a conversation, as chat templates read them: what a message says is one text.
  func messages(_ limits: ServerOptions.Limits) throws(APIError) -> [ChatMessage] {
    guard let list = try array("messages") else { throw missing("messages") }
    var messages: [ChatMessage] = []
    for item in try items("messages", list, limits) { messages.append(try item.message()) }
    return messages
  }

  /// The fields of each message, or whatever else a conversation is a list of.
  func items(_ name: String, _ list: [JSONValue], _ limits: ServerOptions.Limits) throws(APIError) -> [RequestFields] {
    guard !list.isEmpty else { throw .invalid(path(name), "'\(path(name))' is empty: give a message.") }
    guard list.count <= limits.messages else {
      throw outOfRange(name, "\(list.count) messages", "at most \(limits.messages)")
    }
    var items: [RequestFields] = []
    for (index, element) in list.enumerated() {
      guard let object = element.objectValue else { throw wrongType("\(name)[\(index)]", "an object", element) }
      items.append(RequestFields(object, place: path("\(name)[\(index)].")))
    }
    return items
  }

  private static let roles: Set<String> = ["system", "developer", "user", "assistant", "tool", "function"]

  /// The message that these are the fields of.
  func message() throws(APIError) -> ChatMessage {
    guard let role = try string("role") else { throw missing("role") }
    guard Self.roles.contains(role) else {
      throw .invalid(
        path("role"), "'\(path("role"))' is '\(role.prefix(100))': it must be system, user, assistant or tool.")
    }
    var fields = object
    // Templates know the system's word alone.
    if role == "developer" { fields["role"] = "system" }
    if let text = try text("content") {
      fields["content"] = .string(text)
    } else if role == "assistant", has("tool_calls") {
      fields["content"] = nil
    } else {
      throw missing("content")
    }
    if let calls = value("tool_calls"), calls.arrayValue == nil { throw wrongType("tool_calls", "an array", calls) }
    do {
      var message = try ChatMessage(fields: fields)
      // Templates want objects where OpenAI has texts.
      message.readArguments()
      return message
    } catch { throw .invalid(path("role"), error.message) }
  }

  /// A text, or parts of one; nil where there is none.
  func text(_ key: String) throws(APIError) -> String? {
    guard let value = value(key) else { return nil }
    if let text = value.stringValue { return text }
    guard let parts = value.arrayValue else { throw wrongType(key, "a string or an array of parts", value) }
    var texts: [String] = []
    for (index, part) in parts.enumerated() {
      let place = "\(key)[\(index)]"
      guard let object = part.objectValue else { throw wrongType(place, "an object", part) }
      let fields = RequestFields(object, place: path(place) + ".")
      guard let type = try fields.string("type") else { throw fields.missing("type") }
      guard ["text", "input_text", "output_text", "reasoning_text", "summary_text"].contains(type) else {
        throw .unsupported(fields.path("type"), "parts of type '\(type.prefix(100))' are not read, text alone is.")
      }
      guard let text = try fields.string("text") else { throw fields.missing("text") }
      texts.append(text)
    }
    return texts.joined(separator: "\n")
  }
}
