import ArgumentParser
import Tessera
import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraSystem

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Write a model as one GGUF file, its float weights in another type.",
    discussion: """
      A Hugging Face folder is written under the names that GGUF files have, with its tokenizer where that can be \
      expressed; what a GGUF file cannot say of a model is an error.
      """)

  @Argument(help: "The model: a GGUF file, for a model in parts the first of them, or a Hugging Face folder.")
  var model: String

  @Argument(help: "The GGUF file to write.")
  var output: String

  @Option(
    help: ArgumentHelp(
      "What float matrices are brought to: \(ConversionType.all.map { $0.name.lowercased() }.joined(separator: ", ")).",
      discussion: "Vectors and norms become f32; what is quantized already is copied (default: all is copied)."))
  var type: String?

  @Option(help: "The device that quantizes: its index or part of its name (default: $TESSERA_DEVICE, else the first).")
  var device: String?

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "No progress and no statistics.")
  var quiet = false

  func validate() throws {
    if let type, ConversionType.named(type) == nil {
      let names = ConversionType.all.map { $0.name.lowercased() }.joined(separator: ", ")
      throw ValidationError("--type is \"\(type)\": \(names) are possible")
    }
  }

  func run() throws {
    let (converter, note) = try converter(type.flatMap(ConversionType.named))
    let context = try Context(Device.select(device))
    let bar = ProgressBar("converting", quiet: quiet || json)
    defer { bar.finish() }
    let bytes = try converter.write(
      to: output, library: KernelLibrary(context: context), queue: Queue(context), heap: DeviceHeap(context)
    ) { bar.update($0) }
    bar.finish()
    if json {
      try Terminal.printJSON(Document(tensors: converter.items.count, bytes: bytes, output: output.shownPath))
    } else if !quiet {
      if let note { Terminal.diagnose("note: \(note)") }
      Terminal.diagnose("\(output.shownPath): \(converter.items.count) tensors, \(bytes) bytes")
    }
  }

  /// The file that is written, and notes about it.
  private func converter(_ type: GGMLType?) throws -> (converter: ModelConverter, note: String?) {
    let source = try ModelSource(path: model)
    switch source.checkpoint {
    case let file as GGUFCheckpoint: return (try ModelConverter(file, to: type), nil)
    case let folder as HuggingFaceCheckpoint:
      let tokenizer = try TokenizerExport(folder)
      return (try ModelConverter(folder, to: type, tokenizer: tokenizer.entries), tokenizer.note)
    default: throw InputError(message: "\(model.shownPath): GGUF files and Hugging Face folders can be converted")
    }
  }

  private struct Document: Encodable {
    let tensors: Int
    let bytes: Int
    let output: String
  }
}
