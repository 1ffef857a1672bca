import ArgumentParser
import Foundation
import Tessera

struct EmbedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed", abstract: "Make a vector of each text, close to those of texts that mean the same.",
    discussion: """
      Pooling, normalization and the greatest length are what the model's files say (modules.json, 1_Pooling and \
      sentence_bert_config.json of a folder, pooling_type of a GGUF file); of longer texts the end is left out, as \
      sentence-transformers does. Without such files encoders take the mean, decoders the last token's state, and \
      vectors have the length 1. One vector a line is printed, its numbers separated by spaces.
      """)

  @OptionGroup var model: ModelOptions

  @Argument(help: "The texts.")
  var texts: [String] = []

  @Option(help: "A file with one text a line, - for standard input; empty lines are texts, too.")
  var file: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: "Token ids instead of a text, those that a tokenizer would add included, e.g. 1,2,3; may be repeated.")
  var tokens: [String] = []

  @Option(help: "How a text's hidden states become one: mean, cls (the first token's) or last.")
  var pooling: Embedder.Pooling?

  @Flag(
    inversion: .prefixedNo, help: "Bring vectors to the length 1, or leave them (default: as the model's files say).")
  var normalize: Bool?

  func validate() throws {
    guard [!texts.isEmpty, file != nil, !tokens.isEmpty].filter({ $0 }).count == 1 else {
      throw ValidationError("give one of texts, --file or --tokens")
    }
  }

  func run() async throws {
    let ids = try tokens.map { try InputText.tokens($0, option: "--tokens") }
    let texts = try file.map { try lines(InputText.read($0)) } ?? texts
    let options = model.run.loadOptions
    let embedder = try await model.run.loading {
      try await Embedder.load(ModelSource(path: model.model), options: options, pooling: pooling, progress: $0)
    }
    let vectors =
      try await ids.isEmpty
      ? embedder.embed(texts, isNormalized: normalize) : embedder.embed(tokens: ids, isNormalized: normalize)
    if model.json { return try Terminal.printJSON(vectors) }
    for vector in vectors { Terminal.print(vector.map { "\($0)" }.joined(separator: " ")) }
  }

  /// Lines end with LF or CRLF alone: what else Unicode calls a line's end may stand in a text.
  private func lines(_ bytes: [UInt8]) -> [String] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // A file's last line ends, too.
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { line in
      String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
  }
}

extension Embedder.Pooling: ExpressibleByArgument {}
