import ArgumentParser
import Tessera
import TesseraFiles
import TesseraSystem

struct HiddenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hidden",
    abstract:
      "Write float32 hidden states, after the last layer and norm or another, to a .npy file, [tokens, hidden size].",
    discussion: """
      Of an encoder-decoder, --source-tokens alone gives the encoder's states, and with --tokens the decoder's.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions

  @Option(parsing: .unconditional, help: "Token ids, e.g. 1,2,3.")
  var tokens: String?

  @Option(parsing: .unconditional, help: "Token ids of an encoder-decoder's source.")
  var sourceTokens: String?

  @Option(
    parsing: .unconditional, help: "The segment of each token, of models that tell segments apart (BERT), e.g. 0,0,1.")
  var tokenTypes: String?

  @Option(
    help:
      "States behind so many layers instead: 0 are the embeddings; only behind the last layer they are normalized.")
  var layer: Int?

  @Option(name: [.short, .long], help: "The .npy file to write.")
  var output: String

  func validate() throws {
    if let layer, layer < 0 { throw ValidationError("--layer is \(layer): it must be 0 or more") }
    if layer != nil, tokens == nil { throw ValidationError("--layer is of --tokens: give them") }
    guard tokens != nil || sourceTokens != nil else { throw ValidationError("give --tokens or --source-tokens") }
  }

  func run() async throws {
    let ids = try tokens.map { try InputText.tokens($0, option: "--tokens") }
    let source = try sourceTokens.map { try InputText.tokens($0, option: "--source-tokens") }
    let types = try tokenTypes.map { try InputText.tokens($0, option: "--token-types") }
    if let types, types.count != (ids ?? []).count || !types.allSatisfy((0..<1 << 16).contains) {
      throw UsageError(
        message: "--token-types has \(types.count) segments: one of 0 or more for each of --tokens is needed")
    }
    let language = try await model.load(lora)
    let size = language.profile.hiddenSize
    let count = (ids ?? source ?? []).count
    let file = try NPYWriter(path: output, shape: [count, size])
    if let ids {
      let states = try await language.hidden(
        tokens: ids, source: source, tokenTypes: types, layer: layer, adapter: lora.chosen)
      try file.append(states)
    } else {
      try file.append(try await language.sourceHidden(tokens: source ?? [], adapter: lora.chosen))
    }
    try file.finish()
    if model.json {
      try Terminal.printJSON(Document(tokens: count, hidden_size: size, output: output.shownPath))
    } else if !model.quiet {
      Terminal.diagnose("\(output.shownPath): float32 [\(count), \(size)]")
    }
  }

  private struct Document: Encodable {
    let tokens: Int
    let hidden_size: Int
    let output: String
  }
}
