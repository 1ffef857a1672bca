import ArgumentParser
import Tessera

struct ClassifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "classify", abstract: "Say which of a model's labels fit a text, or each of its tokens.",
    discussion: """
      A text is a line of its best label and that one's probability; of a model that judges tokens, each token is a line \
      of its text, label and probability, and a blank line is behind each text.
      """)

  @OptionGroup var model: ModelOptions

  @Argument(help: "The texts.")
  var texts: [String] = []

  @Option(help: "A file with one text a line, - for standard input.")
  var file: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: "Token ids instead of a text, those that a tokenizer would add included; may be repeated.")
  var tokens: [String] = []

  @Option(
    parsing: .unconditionalSingleValue, help: "The segment of each of --tokens, e.g. 0,0,1; as often as --tokens.")
  var tokenTypes: [String] = []

  func validate() throws {
    guard [!texts.isEmpty, file != nil, !tokens.isEmpty].filter({ $0 }).count == 1 else {
      throw ValidationError("give one of texts, --file or --tokens")
    }
    guard tokenTypes.isEmpty || tokenTypes.count == tokens.count else {
      throw ValidationError("--token-types stand \(tokenTypes.count) times beside \(tokens.count) of --tokens")
    }
  }

  func run() async throws {
    let given = try tokens.map { try InputText.tokens($0, option: "--tokens") }
    let types = try tokenTypes.map { try InputText.tokens($0, option: "--token-types") }
    let options = model.run.loadOptions
    let classifier = try await model.run.loading {
      try await TextClassifier.load(ModelSource(path: model.model), options: options, progress: $0)
    }
    let ids = given.isEmpty ? try encoded(classifier) : given
    let segments = types.isEmpty ? nil : types
    guard classifier.judgesTokens else {
      let labels = try await classifier.classify(tokens: ids, tokenTypes: segments)
      return try show(labels)
    }
    let judged = try await classifier.classifyTokens(tokens: ids, tokenTypes: segments)
    try show(judged, classifier)
  }

  private func encoded(_ classifier: TextClassifier) throws -> [[Int]] {
    let texts = try file.map { InputText.lines(try InputText.read($0)) } ?? texts
    return try texts.map { try classifier.model.tokenizer.encode($0) }
  }

  private func show(_ texts: [[TextClassifier.Label]]) throws {
    if model.json { return try Terminal.printJSON(texts.map { Judged($0) }) }
    for labels in texts {
      guard let best = best(labels) else { continue }
      Terminal.print("\(best.name) \(best.probability)")
    }
  }

  private func show(_ texts: [[TextClassifier.Token]], _ classifier: TextClassifier) throws {
    // Without a tokenizer tokens are their ids.
    let tokenizer = try? classifier.model.tokenizer
    if model.json { return try Terminal.printJSON(texts.map { $0.map { Judged($0.labels, token: $0.id) } }) }
    for tokens in texts {
      for token in tokens {
        guard let best = best(token.labels) else { continue }
        let text = try tokenizer?.decode([token.id]) ?? "\(token.id)"
        Terminal.print("\(text) \(best.name) \(best.probability)")
      }
      Terminal.print("")
    }
  }

  private func best(_ labels: [TextClassifier.Label]) -> TextClassifier.Label? {
    labels.max { $0.probability < $1.probability }
  }

  /// What a text, or a token, is taken for.
  private struct Judged: Encodable {
    struct Label: Encodable {
      let label: String
      let score: Float
      let logit: Float
    }

    let token: Int?
    let label: String
    let score: Float
    let labels: [Label]

    init(_ labels: [TextClassifier.Label], token: Int? = nil) {
      self.token = token
      let best = labels.max { $0.probability < $1.probability }
      (label, score) = (best?.name ?? "", best?.probability ?? 0)
      self.labels = labels.map { Label(label: $0.name, score: $0.probability, logit: $0.logit) }
    }
  }
}
