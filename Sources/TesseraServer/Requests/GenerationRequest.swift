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
  /// The field that the prompts come from, for refusals.
  let param: String

  var language: LanguageModel { model.language }
  var answerCount: Int { prompts.count * choices }

  /// The options of one answer; each of several has a seed of its own.
  func options(ofChoice choice: Int) -> GenerationOptions {
    var options = options
    options.seed = options.seed.map { $0 &+ UInt64(choice) }
    return options
  }

  /// - Throws: 400 with the numbers for a prompt that does not fit.
  func check() throws(APIError) {
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
