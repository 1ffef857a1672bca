import Tessera
import TesseraJSON
import TesseraText

/// The body of `/v1/chat/completions`.
struct ChatRequest: Sendable {
  var generation: GenerationRequest
  let conversation: ConversationRequest
  /// Whether tokens come with their log-probabilities.
  let tellsLogprobs: Bool

  private static let unsupported = [
    (key: "functions", why: "use 'tools'."), (key: "function_call", why: "use 'tool_choice'."),
    (key: "audio", why: "answers are text."),
    (key: "prediction", why: "answers are not predicted."),
    (key: "web_search_options", why: "the server asks nobody else."),
  ]

  init(_ fields: RequestFields, _ api: API) async throws {
    let name = try fields.string("model")
    let model = try api.models.model(name, for: .completions)
    try fields.refuse(Self.unsupported)
    try Self.refuseModalities(fields)
    let limits = api.options.limits
    let language = model.language
    var variables = try fields.fields("chat_template_kwargs")?.object ?? [:]
    if let effort = try fields.string("reasoning_effort") { variables["reasoning_effort"] = .string(effort) }
    var options = try fields.generationOptions(limits, language)
    options.maxTokens = try fields.maxTokens()
    options.topLogprobs = try fields.topLogprobs()
    tellsLogprobs = options.topLogprobs != nil
    let choices = try fields.choices(limits)
    let streaming = try fields.streaming()
    conversation = try await ConversationRequest(
      try await api.messages { try fields.messages(limits) }, form: try fields.answerForm(), variables: variables,
      fields,
      .init(messages: "messages", format: "response_format", toolsAreFlat: false), language, api)
    options.constraint = conversation.constraint
    generation = GenerationRequest(
      model, name: name, prompts: [.init(tokens: conversation.prompt.tokens)], choices: choices, options: options,
      param: "messages")
    (generation.isStreamed, generation.includesUsage) = streaming
    try generation.complete(with: fields, scope: api.scope)
  }

  private static func refuseModalities(_ fields: RequestFields) throws(APIError) {
    for modality in try fields.strings("modalities") ?? [] where modality != "text" {
      throw .unsupported("modalities", "answers are text.")
    }
  }
}

extension RequestFields {
  /// The most tokens of an answer, by the newer or the older name; nil: up to the end of the context.
  func maxTokens() throws(APIError) -> Int? {
    let (count, older) = (try int("max_completion_tokens", in: 0 ... .max), try int("max_tokens", in: 0 ... .max))
    return count ?? older
  }

  /// How many of the likeliest tokens are told, if log-probabilities are asked for.
  func topLogprobs() throws(APIError) -> Int? {
    let limit = GenerationOptions.topLogprobsLimit
    let count = try int("top_logprobs", in: 0...limit)
    guard try bool("logprobs") ?? false else {
      if let count, count > 0 { throw .invalid("top_logprobs", "'top_logprobs' goes with 'logprobs' true alone.") }
      return nil
    }
    return count ?? 0
  }
}
