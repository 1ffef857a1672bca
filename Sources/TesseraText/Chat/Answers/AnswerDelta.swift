/// What a piece of an answer adds to it.
public enum AnswerDelta: Sendable, Equatable {
  /// Text for the reader.
  case content(String)
  /// Text in which the model thinks.
  case reasoning(String)
  /// A part of a call of a tool.
  case toolCall(ToolCallDelta)
}

/// A part of a call of a tool: the first has its name, all have more of its arguments.
public struct ToolCallDelta: Sendable, Equatable {
  /// Which of the answer's calls it is, from 0.
  public var index: Int
  /// The function's name, in the first part of a call; nil in the others.
  public var name: String?
  /// More of the arguments' JSON, as the model writes it.
  public var arguments: String

  /// A part of the call with a number.
  public init(index: Int, name: String? = nil, arguments: String = "") {
    (self.index, self.name, self.arguments) = (index, name, arguments)
  }
}

/// A call of a tool.
public struct ToolCall: Sendable, Equatable {
  /// By which the tool's result names the call.
  public var id: String
  /// The function's name.
  public var name: String
  /// The arguments' JSON, as the model wrote it.
  public var arguments: String

  /// A call of a function.
  public init(id: String, name: String, arguments: String) {
    (self.id, self.name, self.arguments) = (id, name, arguments)
  }
}

/// A whole answer.
public struct ParsedAnswer: Sendable, Equatable {
  /// Text for the reader.
  public private(set) var content = ""
  /// Text in which the model thought.
  public private(set) var reasoning = ""
  /// The calls, whose ids are `call_0` and so on.
  public private(set) var toolCalls: [ToolCall] = []

  /// An answer to which nothing was added.
  public init() {}

  /// Adds a piece.
  public mutating func append(_ delta: AnswerDelta) {
    switch delta {
    case .content(let text): content += text
    case .reasoning(let text): reasoning += text
    case .toolCall(let part):
      if let name = part.name { toolCalls.append(ToolCall(id: "call_\(part.index)", name: name, arguments: "")) }
      if toolCalls.indices.contains(part.index) { toolCalls[part.index].arguments += part.arguments }
    }
  }
}
