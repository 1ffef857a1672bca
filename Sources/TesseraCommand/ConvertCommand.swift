import ArgumentParser
import Tessera
import TesseraCL
import TesseraFiles
import TesseraModels
import TesseraSystem

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Write a model as one GGUF file, its float weights in another type.",
    discussion: """
      A Hugging Face folder is written under the names that GGUF files have, with its tokenizer where that can be \
      expressed; what a GGUF file cannot say of a model is an error, and of a tokenizer a note. No device is needed \
      unless --type is given. With --lora what is written is the model with the adapter in its matrices, which must be of \
      floats; the adapter is of the same kind of file.

      A folder of CTranslate2's with a Whisper model (model.bin) becomes a Hugging Face folder, which every command \
      reads.
      """)

  @Argument(help: "The model: a GGUF file (of several that are one the first), a Hugging Face or a CTranslate2 folder.")
  var model: String

  @Argument(help: "The GGUF file to write, or of a model of CTranslate2's the folder.")
  var output: String

  @Option(
    help: ArgumentHelp(
      "What float matrices are brought to: \(ConversionType.all.map { $0.name.lowercased() }.joined(separator: ", ")).",
      discussion: "Vectors and norms become f32; what is quantized already is copied (default: all is copied)."))
  var type: String?

  @Option(
    name: .customLong("lora"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Add a low-rank adapter to the float matrices that it is for; may be repeated.", valueName: "PATH[:SCALE]"))
  var adapters: [AdapterArgument] = []

  @Option(help: "The device that quantizes: its index or part of its name (default: $TESSERA_DEVICE, else the first).")
  var device: String?

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "No progress and no statistics; notes are printed all the same.")
  var quiet = false

  func validate() throws {
    if let type, ConversionType.named(type) == nil {
      let names = ConversionType.all.map { $0.name.lowercased() }.joined(separator: ", ")
      throw ValidationError("--type is \"\(type)\": \(names) are possible")
    }
  }

  func run() throws {
    if CTranslate2Checkpoint.isFolder(model) { return try writeFolder() }
    let (converter, notes) = try converter(type.flatMap(ConversionType.named))
    let bar = ProgressBar("converting", quiet: quiet || json)
    defer { bar.finish() }
    let bytes = try converter.write(to: output, progress: { bar.update($0) }) { try Context(Device.select(device)) }
    bar.finish()
    try report(Document(tensors: converter.items.count, bytes: bytes, output: output.shownPath, notes: notes))
  }

  /// A Hugging Face folder of a model of CTranslate2's.
  private func writeFolder() throws {
    guard type == nil else {
      throw InputError(
        message: "\(model.shownPath): a model of CTranslate2's keeps its numbers: convert it without --type, and give "
          + "--type to what loads the folder")
    }
    let folder = try WhisperFolder(CTranslate2Checkpoint(path: model))
    let bar = ProgressBar("converting", quiet: quiet || json)
    defer { bar.finish() }
    let bytes = try folder.write(to: output) { bar.update($0) }
    bar.finish()
    try report(Document(tensors: folder.items.count, bytes: bytes, output: output.shownPath, notes: folder.notes))
  }

  private func report(_ document: Document) throws {
    if json { return try Terminal.printJSON(document) }
    for note in document.notes { Terminal.diagnose("note: \(note)") }
    if !quiet { Terminal.diagnose("\(document.output): \(document.tensors) tensors, \(document.bytes) bytes") }
  }

  /// The file that is written, and notes about it.
  private func converter(_ type: GGMLType?) throws -> (converter: ModelConverter, notes: [String]) {
    let source = try ModelSource(path: model)
    let adapters = try adapters.map { try $0.value.open() }
    switch source.checkpoint {
    case let file as GGUFCheckpoint: return (try ModelConverter(file, to: type, merging: adapters), [])
    case let folder as HuggingFaceCheckpoint:
      var notes: [String] = []
      let converter = try ModelConverter(folder, to: type, merging: adapters) { vocabularySize in
        let tokenizer = try TokenizerExport(source, vocabularySize: vocabularySize)
        notes = tokenizer.notes
        return tokenizer.entries
      }
      return (converter, notes)
    default: throw InputError(message: "\(model.shownPath): GGUF files and Hugging Face folders can be converted")
    }
  }

  private struct Document: Encodable {
    let tensors: Int
    let bytes: Int
    let output: String
    /// In what the file differs from the folder.
    let notes: [String]
  }
}
