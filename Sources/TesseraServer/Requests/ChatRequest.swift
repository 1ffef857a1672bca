import Tessera
import TesseraJSON
import TesseraText

/// The body of `/v1/chat/completions`.
struct ChatRequest: Sendable {
  var generation: GenerationRequest
  /// Takes an answer apart: nothing was given to it yet.
  let parser: AnswerParser
  /// Whether an answer calls one tool at most.
  let callsOnce: Bool

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
    let template = try? language.chatTemplate
    let choice = try fields.toolChoice()
    let tools = try fields.tools(template, choice)
    let conversation = Conversation(messages: try fields.messages(limits), tools: tools)
    callsOnce = try fields.bool("parallel_tool_calls") == false
    var options = try fields.generationOptions(limits, language)
    options.maxTokens = try fields.maxTokens()
    options.topLogprobs = try fields.topLogprobs()
    let tokenizer = try? language.tokenizer
    var form = try fields.answerForm()
    // A grammar of one's own may be one of calls.
    if let form, tools != nil, choice != .auto || form.param == fields.path("response_format") {
      throw APIError.invalid(
        form.param, "'\(form.param)' and 'tools' both say what answers are: give one, or tool_choice none.")
    }
    if form == nil, let calls = try choice.calls(tools, template, tokenizer, fields, callsOnce: callsOnce) {
      form = (.calls(calls), "tools")
    }
    options.constraint = try await api.constraint(form)
    let choices = try fields.choices(limits)
    let streaming = try fields.streaming()
    var variables = try fields.fields("chat_template_kwargs")?.object ?? [:]
    if let effort = try fields.string("reasoning_effort") { variables["reasoning_effort"] = .string(effort) }
    let prompt = try await api.prompt(of: conversation, language, variables: variables, param: "messages")
    parser = AnswerParser(template, tokenizer: tokenizer, prompt: prompt.text, hasTools: tools != nil)
    if parser.isThinking, let constraint = options.constraint {
      let isControl = tokenizer?.isControlTokenInGrammars("</think>") ?? false
      do { options.constraint = try constraint.behindThought("</think>", isControlToken: isControl) } catch {
        throw APIError.of(error, param: form?.param ?? "tools")
      }
    }
    generation = GenerationRequest(
      model: model, modelName: name ?? model.name, prompts: [.init(tokens: prompt.tokens)], choices: choices,
      options: options, isStreamed: streaming.isStreamed, includesUsage: streaming.includesUsage, param: "messages")
    try generation.check()
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
