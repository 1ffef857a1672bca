import TesseraJSON

/// A conversation and the tools that the model may call.
public struct Conversation: Sendable, Equatable {
  /// The messages in order.
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
  /// - Parameter path: the file that the text is from, for errors.
  /// - Throws: `conversation` where the text is not such a document.
  public init(fromJSON bytes: [UInt8], path: String? = nil) throws(ChatError) {
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
  public init(_ document: JSONValue) throws(ChatError) {
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
