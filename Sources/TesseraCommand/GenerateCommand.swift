import ArgumentParser
import Foundation
import Tessera
import TesseraText

struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Complete a prompt.",
    discussion: """
      The prompt is wrapped in the model's chat template where it has one; --raw leaves it as it is. Without --temperature
      the likeliest token is always taken, so that the same prompt gives the same text. Of an encoder-decoder the \
      prompt, or --source-tokens, is the source, and --tokens are what the target begins with; --first-tokens are those of \
      the answer, such as a translator's language, which --source-language and --target-language name. Models without a tokenizer take --tokens, and answer with token ids. \
      --beams follows several answers at once and prints the likeliest; with --json it has all of them.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions
  @OptionGroup var prefixes: PrefixCacheOptions
  @OptionGroup var sampling: SamplingOptions
  @OptionGroup var beams: BeamOptions
  @OptionGroup var constraints: ConstraintOptions

  @Option(name: [.short, .long], parsing: .unconditional, help: "The prompt.")
  var prompt: String?

  @Option(help: "A file with the prompt, - for standard input.")
  var file: String?

  @Argument(help: "- reads the prompt from standard input.")
  var source: String?

  @Option(parsing: .unconditional, help: "Token ids instead of text, e.g. 1,2,3.")
  var tokens: String?

  @Option(parsing: .unconditional, help: "Token ids of an encoder-decoder's source, instead of a prompt.")
  var sourceTokens: String?

  @Option(
    parsing: .unconditional,
    help: "Token ids that the answer begins with, as a translator's language (default: what the model's files say).")
  var firstTokens: String?

  @Option(
    parsing: .unconditional,
    help: "The language of a translator's source, by the model's code for it: en, eng_Latn, en_XX.")
  var sourceLanguage: String?

  @Option(parsing: .unconditional, help: "The language that a translator answers in.")
  var targetLanguage: String?

  @Flag(help: "Wrap the prompt in the model's chat template; an error where it has none.")
  var chat = false

  @Flag(help: "Leave the prompt as it is.")
  var raw = false

  @Option(parsing: .unconditional, help: "What the system tells the model before the prompt.")
  var system: String?

  @Flag(help: "With --json: tell what reproduces the answer, for `tessera replay`.")
  var reproduce = false

  func validate() throws {
    if reproduce, !model.json || beams.beams != nil {
      throw ValidationError("--reproduce needs --json, and no --beams")
    }
    let given = [prompt != nil, file != nil, source != nil, tokens != nil].filter { $0 }.count
    if sourceTokens == nil {
      guard given == 1 else { throw ValidationError("give one of --prompt, --file, --tokens or -") }
    } else if given > (tokens == nil ? 0 : 1) {
      throw ValidationError("--source-tokens is instead of a prompt: leave out --prompt, --file and -")
    }
    if let source, source != "-" { throw ValidationError("unexpected argument \"\(source)\": give the prompt with -p") }
    if sourceLanguage != nil || targetLanguage != nil, sourceTokens != nil || tokens != nil || firstTokens != nil {
      throw ValidationError(
        "--source-language and --target-language are for a prompt that is text, and exclude --first-tokens")
    }
    try beams.check(sampling)
    try constraints.check(beams)
    if chat && raw { throw ValidationError("--chat and --raw exclude each other") }
    if system != nil && (raw || tokens != nil || sourceTokens != nil) {
      throw ValidationError("--system needs the chat template")
    }
  }

  func run() async throws {
    let ids = try tokens.map { try InputText.tokens($0, option: "--tokens") }
    let sourceIDs = try sourceTokens.map { try InputText.tokens($0, option: "--source-tokens") }
    let constraint = try constraints.constraint()
    let firstIDs = try firstTokens.map { try InputText.tokens($0, option: "--first-tokens") }
    let text = ids == nil && sourceIDs == nil ? try promptText() : nil
    let language = try await model.load(lora, prefixes, beams: beams.beams)
    let (promptTokens, source, languageIDs) = try prompt(language, ids: ids, source: sourceIDs, text: text)
    if var options = beams.options(maxTokens: sampling.maxTokens, firstTokens: firstIDs ?? languageIDs) {
      options.adapter = lora.chosen
      return try await search(language, promptTokens, source: source, options)
    }
    var options = sampling.options
    (options.firstTokens, options.adapter, options.constraint) = (firstIDs ?? languageIDs, lora.chosen, constraint)
    if reproduce {
      // A seed that can be told.
      if options.temperature > 0 { options.seed = options.seed ?? .random(in: 0 ... .max) }
      options.topLogprobs = options.topLogprobs ?? 0
    }
    let hasText = (try? language.tokenizer) != nil

    var answer = Answer()
    let isJSON = model.json
    let task = Task { [answer, options] in
      var answer = answer
      for try await event in language.generate(tokens: promptTokens, source: source, options: options) {
        answer.told.add(event)
        switch event {
        case .token(let token):
          answer.append(token)
          // Without a tokenizer ids are all there is.
          if !isJSON {
            Terminal.write(hasText ? token.text : answer.tokens.count == 1 ? "\(token.id)" : ",\(token.id)")
          }
        case .finished(let result):
          answer.text += result.trailingText
          if !isJSON { Terminal.print(result.trailingText) }
          answer.result = result
        }
      }
      return answer
    }
    let interrupt = Interrupt { task.cancel() }
    defer { interrupt.stop() }
    answer = try await task.value
    await language.flushDiskCache()
    guard let result = answer.result else { return }
    let experts = try await language.takeExpertStatistics()
    let asked = try Reproduction.Request(promptTokens: promptTokens, sourceTokens: source, options: options)
    let told = try await reproduce ? language.reproduction(of: asked, answer: answer.told) : nil
    if isJSON {
      try Terminal.printJSON(
        Document(
          prompt_tokens: promptTokens, source_tokens: source, tokens: answer.tokens,
          logprobs: sampling.logprobs == nil ? nil : answer.logprobs, text: answer.text,
          finish_reason: result.finishReason,
          statistics: result.statistics, device: language.device.name, kv: language.memoryPlan.cacheEncoding,
          experts: experts,
          reproduce: told))
    } else if !model.quiet {
      if result.isContextFull(options, of: language.contextLength) { Terminal.diagnose(language.contextNote) }
      Terminal.diagnose(result.statistics.summary(of: language))
    }
  }

  /// The prompt that the answer continues, an encoder-decoder's source, and the tokens of the language to answer in.
  private func prompt(_ language: LanguageModel, ids: [Int]?, source: [Int]?, text: String?) throws
    -> (tokens: [Int], source: [Int]?, first: [Int]?)
  {
    guard let start = language.decoderStartToken else {
      if sourceLanguage != nil || targetLanguage != nil {
        throw InputError(message: "\(model.model): --source-language and --target-language: the model is no translator")
      }
      guard source == nil else {
        throw InputError(message: "\(model.model): --source-tokens: the model is no encoder-decoder; use --tokens")
      }
      return (try ids ?? encode(text ?? "", language), nil, nil)
    }
    if chat || system != nil {
      throw InputError(message: "\(model.model): the model has no chat template; leave out --chat and --system")
    }
    guard let text else { return (ids ?? [start], source, nil) }
    let encoded = try language.tokenizer.encode(text, from: sourceLanguage, to: targetLanguage)
    return (ids ?? [start], encoded.ids, encoded.first)
  }

  private func promptText() throws -> String {
    if let prompt { return prompt }
    return String(decoding: try InputText.read(file ?? "-"), as: UTF8.self)
  }

  private func encode(_ text: String, _ language: LanguageModel) throws -> [Int] {
    guard !raw, let template = try language.chatTemplate else {
      if chat || system != nil {
        throw InputError(message: "\(model.model): the model has no chat template; leave out --chat and --system")
      }
      return try language.tokenizer.encode(text)
    }
    var messages = [ChatMessage(role: "user", content: text)]
    if let system { messages.insert(ChatMessage(role: "system", content: system), at: 0) }
    return try language.tokenizer.prompt(of: Conversation(messages: messages), with: template).tokens
  }

  private struct Answer: Sendable {
    var tokens: [Int] = []
    var logprobs: [Logprob] = []
    var text = ""
    var result: GenerationResult?
    /// As it can be compared with another.
    var told = Reproduction.Answer()

    mutating func append(_ token: GeneratedToken) {
      tokens.append(token.id)
      text += token.text
      guard let logprob = token.logprob else { return }
      let top = token.topLogprobs.map { Logprob(id: $0.id, logprob: $0.logprob) }
      logprobs.append(Logprob(id: token.id, logprob: logprob, top_logprobs: top))
    }
  }

  /// Named as the document names them.
  private struct Logprob: Encodable {
    var id: Int
    var logprob: Float
    var top_logprobs: [Logprob]?
  }

  /// Named as the document names them.
  private struct Document: Encodable {
    let prompt_tokens: [Int]
    let source_tokens: [Int]?
    let tokens: [Int]
    /// Of each token, if asked for.
    let logprobs: [Logprob]?
    let text: String
    let finish_reason: FinishReason
    let statistics: GenerationStatistics
    let device: String
    /// How the cache keeps keys and values.
    let kv: String
    /// Of experts that stay in host memory.
    let experts: ExpertStatistics?
    let reproduce: Reproduction?
  }
}
