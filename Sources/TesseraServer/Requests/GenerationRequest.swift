import Tessera

/// What completions, chats and responses have in common: prompts, and how they are continued.
struct GenerationRequest: Sendable {
  /// Tokens of a prompt, and those of an encoder-decoder's source.
  struct Prompt: Sendable {
    var tokens: [Int]
    var source: [Int]?
  }

  let model: ServedModel
  /// The model's name as the request has it.
  let modelName: String
  var prompts: [Prompt]
  /// Answers to each prompt.
  var choices = 1
  var options: GenerationOptions
  var isStreamed = false
  var includesUsage = false
  /// Whether answers come with what reproduces them.
  private(set) var reproduces = false
  /// The field that the prompts come from, for refusals.
  let param: String

  init(
    _ model: ServedModel, name: String?, prompts: [Prompt], choices: Int = 1, options: GenerationOptions, param: String
  ) {
    (self.model, modelName, self.prompts) = (model, name ?? model.name, prompts)
    (self.choices, self.options, self.param) = (choices, options, param)
  }

  var language: LanguageModel { model.language }
  var answerCount: Int { prompts.count * choices }

  func prompt(ofAnswer number: Int) -> Prompt { prompts[number / max(1, choices)] }

  /// The options of one answer; each of several to a prompt has a seed of its own.
  func options(ofAnswer number: Int) -> GenerationOptions {
    var options = options
    options.seed = seed(ofAnswer: number).map { $0 & UInt64(Int64.max) }
    return options
  }

  /// The seed of one answer, as a request can give it.
  func seed(ofAnswer number: Int) -> UInt64? { options.seed.map { $0 &+ UInt64(number % max(1, choices)) } }

  /// Takes what all of these requests may ask for, and draws a seed where none is given, so that it can be told.
  ///
  /// - Parameter scope: `API.scope`.
  /// - Throws: 400 with the numbers for a prompt that does not fit.
  mutating func complete(with fields: RequestFields, scope: String?) throws(APIError) {
    if let scope { options.cacheSalt = "\(scope) \(options.cacheSalt ?? "")" }
    reproduces = try fields.bool("reproduce") ?? false
    if reproduces { options.topLogprobs = options.topLogprobs ?? 0 }
    // JSON holds it everywhere, and those of further answers.
    if options.temperature > 0, options.seed == nil { options.seed = .random(in: 0...(1 << 53) - UInt64(choices)) }
    let vocabularySize = language.profile.vocabularySize
    for prompt in prompts {
      for tokens in [prompt.tokens, prompt.source ?? []] {
        guard tokens.count <= language.contextLength else {
          throw .contextExceeded(tokens.count, language.contextLength, param: param)
        }
        if let id = tokens.first(where: { !(0..<vocabularySize).contains($0) }) {
          throw .invalid(param, "'\(param)' has the token \(id): ids of this model are 0 to \(vocabularySize - 1).")
        }
      }
      guard !prompt.tokens.isEmpty else { throw .invalid(param, "'\(param)' has no tokens: give at least one.") }
    }
  }
}
