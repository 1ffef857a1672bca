import TesseraJSON

/// A conversation and the tools that the model may call.
package struct Conversation: Sendable, Equatable {
  /// The messages in order.
  package var messages: [ChatMessage]
  /// JSON schemas of functions; nil when the conversation has no tools.
  package var tools: [JSONValue]?

  /// Makes a conversation of messages.
  package init(messages: [ChatMessage], tools: [JSONValue]? = nil) {
    self.messages = messages
    self.tools = tools
  }

  /// Reads a conversation from JSON: an array of messages, or an object with `messages` and perhaps `tools`.
  ///
  /// - Parameter path: the file that the text is from, for errors.
  /// - Throws: `conversation` where the text is not such a document.
  package init(fromJSON bytes: [UInt8], path: String? = nil) throws(ChatError) {
    let document: JSONValue
    do {
      document = try JSONValue(parsing: bytes, path: path, options: .request)
    } catch {
      throw ChatError(.conversation, error.description)
    }
    do {
      try self.init(document)
    } catch {
      throw ChatError(.conversation, (path.map { $0 + ": " } ?? "") + error.message)
    }
  }

  /// A conversation from a JSON value; see `init(fromJSON:)`.
  package init(_ document: JSONValue) throws(ChatError) {
    guard let list = document.arrayValue ?? document.objectValue?["messages"]?.arrayValue else {
      throw ChatError(
        .conversation, "a conversation is an array of messages, or an object with an array \"messages\"")
    }
    messages = []
    for (index, element) in list.enumerated() {
      guard let fields = element.objectValue, fields["role"]?.stringValue != nil else {
        throw ChatError(
          .conversation, "message \(index + 1) is not an object with a \"role\" that is a string")
      }
      messages.append(try ChatMessage(fields: fields))
    }
    switch document.objectValue?["tools"] {
    case nil, .null?: tools = nil
    case .array(let list)?: tools = list
    default: throw ChatError(.conversation, "\"tools\" is not an array")
    }
  }
}
