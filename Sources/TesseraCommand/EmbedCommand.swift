import ArgumentParser
import Foundation
import Tessera

struct EmbedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed", abstract: "Make a vector of each text, close to those of texts that mean the same.",
    discussion: """
      Pooling, dense layers, normalization, the greatest length and what is put before texts are what the model's files \
      say (modules.json with the folders that it names, sentence_bert_config.json and \
      config_sentence_transformers.json of a folder, pooling_type of a GGUF file); of longer texts the end is left out, \
      as sentence-transformers does. Without such files encoders take the mean, decoders the last token's state, and \
      vectors have the length 1. One vector a line is printed, its numbers separated by spaces.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions

  @Argument(help: "The texts.")
  var texts: [String] = []

  @Option(help: "A file with one text a line, - for standard input; empty lines are texts, too.")
  var file: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: "Token ids instead of a text, those that a tokenizer would add included, e.g. 1,2,3; may be repeated.")
  var tokens: [String] = []

  @Option(
    help: "How a text's hidden states become one: mean, cls (the first token's), last, max, weighted-mean or mean-sqrt."
  )
  var pooling: Embedder.Pooling?

  @Option(
    help: "The name of the model's prompt that is put before each text, such as query (default: the model's, if any).")
  var promptName: String?

  @Option(help: "What is put before each text instead, such as \"query: \".")
  var prefix: String?

  @Flag(
    inversion: .prefixedNo, help: "Bring vectors to the length 1, or leave them (default: as the model's files say).")
  var normalize: Bool?

  func validate() throws {
    guard [!texts.isEmpty, file != nil, !tokens.isEmpty].filter({ $0 }).count == 1 else {
      throw ValidationError("give one of texts, --file or --tokens")
    }
    guard [promptName != nil, prefix != nil, !tokens.isEmpty].filter({ $0 }).count < 2 else {
      throw ValidationError("--prompt-name and --prefix exclude each other, and go with texts alone")
    }
  }

  func run() async throws {
    let ids = try tokens.map { try InputText.tokens($0, option: "--tokens") }
    let texts = try file.map { InputText.lines(try InputText.read($0)) } ?? texts
    var options = model.run.loadOptions
    options.adapters = lora.all
    let embedder = try await model.run.loading { [options] in
      try await Embedder.load(ModelSource(path: model.model), options: options, pooling: pooling, progress: $0)
    }
    let vectors =
      try await ids.isEmpty
      ? embedder.embed(
        texts, isNormalized: normalize, prompt: promptName, prefix: prefix, adapter: lora.chosen)
      : embedder.embed(tokens: ids, isNormalized: normalize, adapter: lora.chosen)
    if model.json { return try Terminal.printJSON(vectors) }
    for vector in vectors { Terminal.print(vector.map { "\($0)" }.joined(separator: " ")) }
  }
}

extension Embedder.Pooling: ExpressibleByArgument {}
