import Tessera
import TesseraJSON

/// The body of `/v1/completions`.
struct CompletionRequest: Sendable {
  var generation: GenerationRequest
  /// The prompts' texts, where answers begin with them.
  var echoes: [String]?
  /// Answers that are made for each that is given: the likeliest are.
  var bestOf: Int
  /// How many answers to each prompt are given.
  var choices: Int
  /// Whether tokens come with their log-probabilities, and with how many of the likeliest.
  var logprobs: Int?

  init(_ fields: RequestFields, _ api: API) async throws {
    let name = try fields.string("model")
    let model = try api.models.model(name, for: .completions)
    try fields.refuse([(key: "suffix", why: "texts are continued at their end alone.")])
    let (limits, language) = (api.options.limits, model.language)
    var options = try fields.generationOptions(limits, language)
    options.maxTokens = try fields.maxTokens() ?? 16
    options.constraint = try await api.constraint(try fields.answerForm())
    logprobs = try fields.int("logprobs", in: 0...GenerationOptions.topLogprobsLimit)
    choices = try fields.choices(limits)
    bestOf = try fields.int("best_of", in: 1...limits.choices) ?? choices
    let streaming = try fields.streaming()
    guard bestOf >= choices else {
      throw fields.outOfRange("best_of", "\(bestOf)", "at least 'n', which is \(choices)")
    }
    if bestOf > choices, streaming.isStreamed {
      throw APIError.invalid(
        "best_of", "'best_of' over 'n' and 'stream' exclude each other: which is best is known at the end.")
    }
    options.topLogprobs = logprobs ?? (bestOf > choices ? 0 : nil)
    let prompts = try await Self.prompts(fields, language, api)
    generation = GenerationRequest(
      model, name: name, prompts: prompts.map(\.prompt), choices: bestOf, options: options, param: "prompt")
    (generation.isStreamed, generation.includesUsage) = streaming
    echoes = try fields.bool("echo") ?? false ? prompts.map(\.text) : nil
    try generation.complete(with: fields, scope: api.scope)
    if echoes != nil, language.decoderStartToken != nil {
      throw APIError.unsupported("echo", "the model's answers do not continue its prompts.")
    }
  }

  /// A text, token ids, or a list of either.
  private static func prompts(_ fields: RequestFields, _ language: LanguageModel, _ api: API) async throws
    -> [(prompt: GenerationRequest.Prompt, text: String)]
  {
    let inputs = try fields.inputs("prompt", api.options.limits)
    let texts = inputs.compactMap { if case .text(let text) = $0 { text } else { nil } }
    var encoded = try await api.tokens(of: texts, language, isAnswered: true, param: "prompt")[...]
    var prompts: [(prompt: GenerationRequest.Prompt, text: String)] = []
    for input in inputs {
      let tokens: [Int]
      let text: String
      switch input {
      case .text(let given): (tokens, text) = (encoded.popFirst() ?? [], given)
      case .tokens(let ids):
        (tokens, text) = (ids, (try? language.tokenizer.decode(ids, includingControl: true)) ?? "")
      }
      if let start = language.decoderStartToken {
        prompts.append((.init(tokens: [start], source: tokens), text))
      } else {
        prompts.append((.init(tokens: tokens), text))
      }
    }
    return prompts
  }
}

/// One of a request's inputs.
enum TextInput: Sendable {
  case text(String)
  case tokens([Int])
}

extension RequestFields {
  /// A string, an array of strings, an array of token ids, or an array of such arrays.
  func inputs(_ key: String, _ limits: ServerOptions.Limits) throws(APIError) -> [TextInput] {
    guard let value = value(key) else { throw missing(key) }
    if let text = value.stringValue { return [.text(text)] }
    guard let list = value.arrayValue else {
      throw wrongType(key, "a string, an array of strings, or an array of token ids", value)
    }
    guard let first = list.first else { throw .invalid(path(key), "'\(path(key))' is empty: give at least one.") }
    if first.intValue != nil { return [.tokens(try ids(key, list))] }
    guard list.count <= limits.inputs else {
      throw outOfRange(key, "a list of \(list.count)", "of at most \(limits.inputs)")
    }
    var inputs: [TextInput] = []
    for (index, element) in list.enumerated() {
      if let text = element.stringValue {
        inputs.append(.text(text))
      } else if let list = element.arrayValue {
        inputs.append(.tokens(try ids("\(key)[\(index)]", list)))
      } else {
        throw wrongType("\(key)[\(index)]", "a string or an array of token ids", element)
      }
    }
    return inputs
  }

  /// Token ids, which the vocabulary must have; that is not looked at here.
  func ids(_ key: String, _ list: [JSONValue]) throws(APIError) -> [Int] {
    var ids: [Int] = []
    ids.reserveCapacity(list.count)
    for (index, element) in list.enumerated() {
      guard let id = element.intValue else { throw wrongType("\(key)[\(index)]", "a token id", element) }
      ids.append(id)
    }
    return ids
  }
}
