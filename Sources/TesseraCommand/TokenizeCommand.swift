import ArgumentParser
import Foundation
import Tessera
import TesseraText

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Split a text into a model's tokens, or join tokens to a text.")

  @Option(name: [.short, .long], help: "The model: a GGUF file or a Hugging Face folder.")
  var model: String

  @Argument(help: "The text; - reads standard input.")
  var text: String?

  @Option(help: "A file with the text, - for standard input.")
  var file: String?

  @Option(parsing: .unconditional, help: "Token ids to join to a text, e.g. 1,2,3.")
  var decode: String?

  @Flag(help: "Treat special markers as text, and add none.")
  var noSpecial = false

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "Ids only.")
  var quiet = false

  func validate() throws {
    guard [text != nil, file != nil, decode != nil].filter({ $0 }).count == 1 else {
      throw ValidationError("give a text, --file or --decode")
    }
  }

  func run() throws {
    let tokenizer = try ModelSource(path: model).tokenizer()
    if !quiet, !json { for note in tokenizer.notes { Terminal.diagnose("note: \(note)") } }
    if let decode {
      let ids = try InputText.tokens(decode, option: "--decode")
      let text = try tokenizer.decode(ids)
      if json {
        try Terminal.printJSON(Document(tokens: ids, pieces: try pieces(ids, tokenizer), text: text))
      } else {
        Terminal.print(text)
      }
      return
    }
    let bytes = try text.flatMap { $0 == "-" ? nil : Array($0.utf8) } ?? InputText.read(file ?? "-")
    let ids = try tokenizer.encode(bytes, addSpecial: !noSpecial, parseSpecial: !noSpecial)
    let pieces = try pieces(ids, tokenizer)
    if json {
      try Terminal.printJSON(Document(tokens: ids, pieces: pieces, text: nil))
    } else if quiet {
      Terminal.print(ids.map(String.init).joined(separator: ","))
    } else {
      for (id, piece) in zip(ids, pieces) { Terminal.print("\(id)\t\(piece.debugDescription)") }
    }
  }

  private func pieces(_ ids: [Int], _ tokenizer: Tokenizer) throws -> [String] {
    try ids.map { String(decoding: try tokenizer.piece($0), as: UTF8.self) }
  }

  private struct Document: Encodable {
    let tokens: [Int]
    let pieces: [String]
    let text: String?
  }
}
