import ArgumentParser
import Foundation
import Synchronization
import Tessera
import TesseraFiles

struct LogitsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logits", abstract: "Write the float32 logits of every position to a .npy file, [tokens, vocabulary].")

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions

  @Option(parsing: .unconditional, help: "Token ids, e.g. 1,2,3.")
  var tokens: String

  @Option(parsing: .unconditional, help: "Token ids of an encoder-decoder's source; --tokens are then the decoder's.")
  var sourceTokens: String?

  @Option(name: [.short, .long], help: "The .npy file to write.")
  var output: String

  @Option(help: "Tokens that run together (default: 512); the result does not depend on it.")
  var chunk: Int?

  func validate() throws {
    if let chunk, chunk < 1 { throw ValidationError("--chunk is \(chunk): it must be 1 or more") }
  }

  func run() async throws {
    let ids = try InputText.tokens(tokens, option: "--tokens")
    let source = try sourceTokens.map { try InputText.tokens($0, option: "--source-tokens") }
    let language = try await model.load(lora)
    let vocabulary = language.profile.vocabularySize
    let file = LogitsFile(try NPYWriter(path: output, shape: [ids.count, vocabulary]))
    try await language.logits(tokens: ids, source: source, chunk: chunk, adapter: lora.chosen) { try file.append($0) }
    try file.finish()
    if model.json {
      try Terminal.printJSON(Document(tokens: ids.count, vocabulary: vocabulary, output: output))
    } else if !model.quiet {
      Terminal.diagnose("\(output): float32 [\(ids.count), \(vocabulary)]")
    }
  }

  private struct Document: Encodable {
    let tokens: Int
    let vocabulary: Int
    let output: String
  }
}

/// A file that rows are appended to from the model's thread.
private final class LogitsFile: Sendable {
  private let writer: Mutex<NPYWriter>

  init(_ writer: sending NPYWriter) { self.writer = Mutex(writer) }

  func append(_ rows: [Float]) throws { try writer.withLock { try $0.append(rows) } }
  func finish() throws { try writer.withLock { try $0.finish() } }
}
