import ArgumentParser
import Foundation
import Tessera
import TesseraMemory
import TesseraOperators

/// Options of every command that runs a model of a file.
struct ModelOptions: ParsableArguments {
  @Option(name: [.short, .long], help: "The model: a GGUF file.")
  var model: String

  @OptionGroup var run: RunOptions

  var json: Bool { run.json }
  var quiet: Bool { run.quiet }

  /// The model, with a progress bar while it loads.
  func load() async throws -> LanguageModel { try await run.load(ModelSource(path: model)) }
}

/// Where and how a model runs.
struct RunOptions: ParsableArguments {
  @Option(
    help:
      "The device: its index or part of its name (default: $TESSERA_DEVICE, else the first GPU, else the first CPU).")
  var device: String?

  @Option(help: "Tokens of prompt and answer together (default: the model's, at most 4096).")
  var context: Int?

  @Option(
    name: [.customLong("kv"), .customLong("kv-type")],
    help: "How keys and values are kept: f32 (exact), f16 (half the memory), q8_0 (a quarter) or q4_0 (an eighth).")
  var cacheElement: KVEncoding = .f32

  @Option(help: "exact, or fast: activations of 8 bits where that is faster (docs/numerics.md).")
  var precision: Precision = .exact

  @Option(help: "Device memory that may be used, in MiB (default: the device's, less a margin).")
  var memory: Int?

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "No progress and no statistics.")
  var quiet = false

  func validate() throws {
    if let context, context < 1 { throw ValidationError("--context is \(context): it must be 1 or more") }
    if let memory, memory < 1 || memory > 1 << 30 {
      throw ValidationError("--memory is \(memory): it must be 1 MiB or more")
    }
  }

  var loadOptions: LoadOptions {
    var options = LoadOptions()
    options.device = device
    options.contextLength = context
    (options.keyEncoding, options.valueEncoding) = (cacheElement, cacheElement)
    options.precision = precision
    options.memoryBudget = memory.map { $0 << 20 }
    return options
  }

  /// The model, with a progress bar while it loads.
  func load(_ source: @autoclosure () throws -> ModelSource) async throws -> LanguageModel {
    if !quiet, !json, let note = TuningDatabase(contentsOf: TuningDatabase.url).note {
      Terminal.diagnose("note: \(note)")
    }
    if quiet || json { CommandLog.silence() }
    let bar = ProgressBar("loading", quiet: quiet || json)
    defer { bar.finish() }
    let language = try await LanguageModel.load(source(), options: loadOptions) { bar.update($0) }
    if precision == .fast, !quiet, language.precision == .exact {
      bar.finish()
      Terminal.diagnose(
        "--precision fast: not faster than exact with these weights on \(language.device.name), which is used instead")
    }
    return language
  }
}

extension KVEncoding: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// An input that cannot be used.
struct InputError: Error, CustomStringConvertible {
  let message: String
  var description: String { message }
}
