import ArgumentParser
import Tessera

struct ScoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score", abstract: "Say how likely each continuation of a prompt is.",
    discussion: """
      Logarithms of probabilities, of each token and of all together: what evaluations compare. Prompt and continuation \
      are tokenized together, so a continuation usually begins with a space. Of an encoder-decoder the prompt is the \
      source. Each continuation is a line: the sum, the count of tokens, whether it is what greedy decoding gives, the text.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions

  @Argument(help: "The continuations.")
  var continuations: [String] = []

  @Option(name: [.short, .long], help: "The prompt.")
  var prompt: String?

  @Option(help: "A file with the prompt, - for standard input.")
  var file: String?

  @Option(
    parsing: .unconditional, help: "Token ids instead of a prompt, e.g. 1,2,3; of an encoder-decoder the target's.")
  var tokens: String?

  @Option(parsing: .unconditionalSingleValue, help: "Token ids instead of a continuation; may be repeated.")
  var continuationTokens: [String] = []

  @Option(parsing: .unconditional, help: "Token ids of an encoder-decoder's source, with --tokens.")
  var sourceTokens: String?

  func validate() throws {
    guard [prompt != nil, file != nil, tokens != nil].filter({ $0 }).count == 1 else {
      throw ValidationError("give one of --prompt, --file or --tokens")
    }
    if tokens != nil {
      guard continuations.isEmpty, !continuationTokens.isEmpty else {
        throw ValidationError("--tokens go with --continuation-tokens: give them, and no texts")
      }
    } else {
      guard continuationTokens.isEmpty, sourceTokens == nil, !continuations.isEmpty else {
        throw ValidationError("give continuations; token ids go with --tokens")
      }
    }
  }

  func run() async throws {
    let start = try tokens.map { try InputText.tokens($0, option: "--tokens") }
    let source = try sourceTokens.map { try InputText.tokens($0, option: "--source-tokens") }
    let ids = try continuationTokens.map { try InputText.tokens($0, option: "--continuation-tokens") }
    let text = try prompt ?? file.map { String(decoding: try InputText.read($0), as: UTF8.self) } ?? ""
    let language = try await model.load(lora)
    var scores: [ContinuationScore] = []
    if let start {
      for ids in ids {
        let score = try await language.score(tokens: start, continuation: ids, source: source, adapter: lora.chosen)
        scores.append(score)
      }
    } else {
      for continuation in continuations {
        scores.append(try await language.score(text, continuation: continuation, adapter: lora.chosen))
      }
    }
    if model.json { return try Terminal.printJSON(scores.map(Document.init)) }
    let names = start == nil ? continuations : continuationTokens
    for (score, name) in zip(scores, names) {
      Terminal.print("\(score.sum) \(score.tokens.count) \(score.isGreedy ? "greedy" : "-") \(name)")
    }
  }

  private struct Document: Encodable {
    let tokens: [Int]
    let log_probabilities: [Double]
    let sum: Double
    let is_greedy: Bool

    init(_ score: ContinuationScore) {
      (tokens, log_probabilities) = (score.tokens, score.logProbabilities)
      (sum, is_greedy) = (score.sum, score.isGreedy)
    }
  }
}
