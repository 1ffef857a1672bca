import ArgumentParser
import Tessera

struct RerankCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rerank", abstract: "Order documents by how well they answer a question, with a cross-encoder.",
    discussion: """
      The model reads the question and one document together and gives one score, from 0 to 1 unless its files say \
      otherwise. The best come first: each is a line of its score, its number from 0 on, and the document. Of a document \
      that does not fit the context, the end is left out.
      """)

  @OptionGroup var model: ModelOptions

  @Argument(help: "The question, then the documents.")
  var texts: [String] = []

  @Option(help: "A file with one document a line, - for standard input.")
  var file: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: "Token ids of question and document together instead, those that a tokenizer adds included; may be repeated.")
  var tokens: [String] = []

  @Option(
    parsing: .unconditionalSingleValue, help: "The segment of each of --tokens, e.g. 0,0,1; as often as --tokens.")
  var tokenTypes: [String] = []

  @Option(help: "How many of the best are printed (default: all).")
  var top: Int?

  func validate() throws {
    if let top, top < 1 { throw ValidationError("--top is \(top): it must be 1 or more") }
    if tokens.isEmpty {
      guard tokenTypes.isEmpty else { throw ValidationError("--token-types are of --tokens: give them") }
      guard texts.count > (file == nil ? 1 : 0), file == nil || texts.count == 1 else {
        throw ValidationError("give a question, and documents or --file")
      }
    } else {
      guard texts.isEmpty, file == nil else { throw ValidationError("give texts or --tokens") }
      guard tokenTypes.isEmpty || tokenTypes.count == tokens.count else {
        throw ValidationError("--token-types stand \(tokenTypes.count) times beside \(tokens.count) of --tokens")
      }
    }
  }

  func run() async throws {
    let ids = try tokens.map { try InputText.tokens($0, option: "--tokens") }
    let types = try tokenTypes.map { try InputText.tokens($0, option: "--token-types") }
    let documents = try file.map { InputText.lines(try InputText.read($0)) } ?? Array(texts.dropFirst())
    let options = model.run.loadOptions
    let reranker = try await model.run.loading {
      try await Reranker.load(ModelSource(path: model.model), options: options, progress: $0)
    }
    let scores =
      try await ids.isEmpty
      ? reranker.rank(texts.first ?? "", documents: documents)
      : reranker.rank(tokens: ids, tokenTypes: types.isEmpty ? nil : types)
    let best = scores.prefix(top ?? .max)
    if model.json {
      return try Terminal.printJSON(best.map { Document(index: $0.index, score: $0.score, logit: $0.logit) })
    }
    for score in best {
      Terminal.print("\(score.score) \(score.index) \(ids.isEmpty ? documents[score.index] : tokens[score.index])")
    }
  }

  private struct Document: Encodable {
    let index: Int
    let score: Float
    let logit: Float
  }
}
