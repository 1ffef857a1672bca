import Tessera
import TesseraJSON
import TesseraText

/// The body of `/v1/responses`.
struct ResponsesRequest: Sendable {
  var generation: GenerationRequest
  let instructions: String?
  /// As the answer repeats it.
  let metadata: JSONObject
  /// What the text must be, as the answer repeats it.
  let format: JSONValue

  private static let unsupported = [
    (key: "previous_response_id", why: "responses are not kept: send the conversation."),
    (key: "conversation", why: "conversations are not kept: send the conversation."),
    (key: "prompt", why: "prompts are not kept."),
    (key: "max_tool_calls", why: "tools are called in /v1/chat/completions."),
    (key: "top_logprobs", why: "log-probabilities are told in /v1/chat/completions."),
  ]

  init(_ fields: RequestFields, _ api: API) async throws {
    let name = try fields.string("model")
    let model = try api.models.model(name, for: .completions)
    try fields.refuse(Self.unsupported)
    if try fields.bool("background") ?? false { throw APIError.unsupported("background", "responses are not kept.") }
    if let truncation = try fields.string("truncation"), truncation != "disabled" {
      throw APIError.unsupported("truncation", "what does not fit is refused, not cut.")
    }
    for key in ["tools", "include"] where try fields.array(key)?.isEmpty == false {
      throw APIError.unsupported(key, "ask /v1/chat/completions.")
    }
    if let choice = fields.value("tool_choice")?.stringValue, !["auto", "none"].contains(choice) {
      throw APIError.unsupported("tool_choice", "tools are called in /v1/chat/completions.")
    }
    metadata = try fields.fields("metadata")?.object ?? [:]
    let language = model.language
    instructions = try fields.string("instructions")
    var messages = try Self.messages(fields, api.options.limits)
    if let instructions { messages.insert(ChatMessage(role: "system", content: instructions), at: 0) }
    var options = try fields.generationOptions(api.options.limits, language)
    options.maxTokens = try fields.int("max_output_tokens", in: 0 ... .max)
    let format = try fields.fields("text")?.fields("format")
    self.format = format.map { .object($0.object) } ?? ["type": "text"]
    options.constraint = try await api.constraint(try format?.format().map { ($0, "text.format") })
    var variables: JSONObject = [:]
    if let effort = try fields.fields("reasoning")?.string("effort") { variables["reasoning_effort"] = .string(effort) }
    let isStreamed = try fields.bool("stream") ?? false
    let prompt = try await api.prompt(
      of: Conversation(messages: messages), language, variables: variables, param: "input")
    generation = GenerationRequest(
      model: model, modelName: name ?? model.name, prompts: [.init(tokens: prompt.tokens)], options: options,
      isStreamed: isStreamed, param: "input")
    try generation.check()
  }

  /// A text, or messages.
  private static func messages(_ fields: RequestFields, _ limits: ServerOptions.Limits) throws(APIError)
    -> [ChatMessage]
  {
    guard let input = fields.value("input") else { throw fields.missing("input") }
    if let text = input.stringValue { return [ChatMessage(role: "user", content: text)] }
    guard let items = input.arrayValue else {
      throw fields.wrongType("input", "a string or an array of messages", input)
    }
    var messages: [JSONValue] = []
    for (index, item) in items.enumerated() {
      guard let object = item.objectValue else { throw fields.wrongType("input[\(index)]", "an object", item) }
      let type = object["type"]?.stringValue ?? "message"
      guard type == "message" else {
        throw .unsupported("input[\(index)].type", "items of type '\(type.prefix(100))' are not read, messages are.")
      }
      messages.append(.object(object))
    }
    return try RequestFields(["messages": .array(messages)]).messages(limits, as: "input")
  }
}
