import Tessera
import TesseraJSON
import TesseraText

/// The body of `/v1/responses`.
struct ResponsesRequest: Sendable {
  var generation: GenerationRequest
  let conversation: ConversationRequest
  /// What the answer repeats of the request.
  let repeated: JSONObject

  private static let unsupported = [
    (key: "previous_response_id", why: "responses are not kept: send the conversation."),
    (key: "conversation", why: "conversations are not kept: send the conversation."),
    (key: "prompt", why: "prompts are not kept."),
    (key: "max_tool_calls", why: "the tools are yours: call as many as you like."),
  ]

  /// What may be included of others' responses, and is in no response here.
  private static let withoutMore: Set<String> = [
    "reasoning.encrypted_content", "message.input_image.image_url", "computer_call_output.output.image_url",
    "code_interpreter_call.outputs", "file_search_call.results", "web_search_call.action.sources",
  ]

  init(_ fields: RequestFields, _ api: API) async throws {
    let name = try fields.string("model")
    let model = try api.models.model(name, for: .completions)
    try Self.refuse(fields)
    let (limits, language) = (api.options.limits, model.language)
    let instructions = try fields.string("instructions")
    var messages = try await api.messages { try fields.inputMessages(limits) }
    if let instructions { messages.insert(ChatMessage(role: "system", content: instructions), at: 0) }
    var options = try fields.generationOptions(limits, language)
    options.maxTokens = try fields.int("max_output_tokens", in: 0 ... .max)
    let effort = try fields.fields("reasoning")?.string("effort")
    var variables = try fields.fields("chat_template_kwargs")?.object ?? [:]
    if let effort { variables["reasoning_effort"] = .string(effort) }
    let format = try fields.fields("text")?.fields("format")
    let form = try fields.answerForm(or: try format?.format().map { ($0, "text.format") })
    conversation = try await ConversationRequest(
      messages, form: form, variables: variables, fields,
      .init(messages: "input", format: "text.format", toolsAreFlat: true), language, api)
    options.constraint = conversation.constraint
    generation = GenerationRequest(
      model, name: name, prompts: [.init(tokens: conversation.prompt.tokens)], options: options, param: "input")
    generation.isStreamed = try fields.bool("stream") ?? false
    repeated = [
      "instructions": instructions.map { .string($0) } ?? nil,
      "max_output_tokens": options.maxTokens.map { .int($0) } ?? nil,
      "metadata": .object(try fields.fields("metadata")?.object ?? [:]),
      "parallel_tool_calls": .bool(!conversation.callsOnce),
      "reasoning": ["effort": effort.map { .string($0) } ?? nil, "summary": nil],
      "temperature": fields.value("temperature") ?? 1,
      "text": ["format": format.map { .object($0.object) } ?? ["type": "text"]],
      "tool_choice": fields.value("tool_choice") ?? "auto", "tools": fields.value("tools") ?? [],
      "top_p": fields.value("top_p") ?? 1,
    ]
    try generation.complete(with: fields, scope: api.scope)
  }

  /// Refuses what goes beyond one answer to what is sent.
  private static func refuse(_ fields: RequestFields) throws(APIError) {
    try fields.refuse(unsupported)
    if try fields.bool("background") ?? false {
      throw .unsupported("background", "responses are not kept: leave it out, or send false.")
    }
    // It is said of the response that it is not kept.
    _ = try fields.bool("store")
    if try fields.int("n", in: 1 ... .max) ?? 1 > 1 { throw .unsupported("n", "a response has one answer.") }
    if try fields.int("top_logprobs", in: 0...GenerationOptions.topLogprobsLimit) ?? 0 > 0 {
      throw .unsupported("top_logprobs", "log-probabilities are told in /v1/chat/completions.")
    }
    if let truncation = try fields.string("truncation"), truncation != "disabled" {
      throw .unsupported("truncation", "what does not fit is refused, not cut.")
    }
    if try fields.strings("include")?.allSatisfy(Self.withoutMore.contains) == false {
      throw .unsupported("include", "a response has all that there is; ask /v1/chat/completions for log-probabilities.")
    }
  }
}
