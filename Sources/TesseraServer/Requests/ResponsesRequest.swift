import Tessera
import TesseraJSON
import TesseraText

/// The body of `/v1/responses`.
struct ResponsesRequest: Sendable {
  var generation: GenerationRequest
  let instructions: String?

  private static let unsupported = [
    (key: "previous_response_id", why: "responses are not kept: send the conversation."),
    (key: "conversation", why: "conversations are not kept: send the conversation."),
    (key: "prompt", why: "prompts are not kept."),
  ]

  init(_ fields: RequestFields, _ api: API) async throws {
    let name = try fields.string("model")
    let model = try api.models.model(name, for: .completions)
    try fields.refuse(Self.unsupported)
    if try fields.bool("background") ?? false { throw APIError.unsupported("background", "responses are not kept.") }
    if let truncation = try fields.string("truncation"), truncation != "disabled" {
      throw APIError.unsupported("truncation", "what does not fit is refused, not cut.")
    }
    let language = model.language
    instructions = try fields.string("instructions")
    var messages = try Self.messages(fields, api.options.limits)
    if let instructions { messages.insert(ChatMessage(role: "system", content: instructions), at: 0) }
    var options = try fields.generationOptions(api.options.limits, language)
    options.maxTokens = try fields.int("max_output_tokens", in: 0 ... .max)
    let format = try fields.fields("text")?.fields("format")
    options.constraint = try await api.constraint(try format?.format().map { ($0, "text.format") })
    let isStreamed = try fields.bool("stream") ?? false
    let prompt = try await api.prompt(of: Conversation(messages: messages), language, param: "input")
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
