import ArgumentParser
import Foundation
import Tessera
import TesseraMemory
import TesseraOperators

/// Options of every command that runs a model of a file.
struct ModelOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: "The model: a GGUF file, the first of several that are one, or a Hugging Face folder.")
  var model: String

  @OptionGroup var run: RunOptions

  func validate() throws { try run.checkType() }

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
    help: ArgumentHelp(
      "What float weights are quantized to as they load: \(RunOptions.typeNames) (default: as stored).",
      valueName: "type"))
  var type: WeightFormat?

  @Option(
    name: [.customLong("kv"), .customLong("kv-type")],
    help: ArgumentHelp(
      "How keys and values are kept: f32 (exact), f16 (half the memory), q8_0 (a quarter) or q4_0 (an eighth); two, as in "
        + "q8_0,f16, are the keys' and the values' (default: f16 on GPUs, else f32).", valueName: "encoding"))
  var cache: CacheEncodings?

  @Option(help: "exact, or fast: activations of 8 bits where that is faster (docs/numerics.md).")
  var precision: Precision = .exact

  @Option(help: "Device memory that may be used, in MiB (default: the device's, less a margin).")
  var memory: Int?

  @Option(
    help: ArgumentHelp(
      "Device memory for experts, in MiB: they stay in host memory and come as they are chosen (default: all on the device).",
      valueName: "size"))
  var expertMemory: Int?

  @Flag(
    name: .customLong("no-command-buffers"),
    help: "Launch each kernel of a GPU's steps anew, where its driver could record them.")
  var launchesSteps = false

  @Flag(
    name: .customLong("no-tune"),
    help: "Do not tune a GPU that was never tuned, which takes 20 seconds once; see `tessera tune`.")
  var skipsTuning = false

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "No progress and no statistics.")
  var quiet = false

  func validate() throws {
    if let context, context < 1 { throw ValidationError("--context is \(context): it must be 1 or more") }
    if let memory, memory < 1 || memory > 1 << 30 {
      throw ValidationError("--memory is \(memory): it must be from 1 to \(1 << 30) MiB")
    }
    try Self.check(expertMemory: expertMemory)
  }

  static func check(expertMemory: Int?) throws {
    guard let expertMemory, !(1...1 << 30).contains(expertMemory) else { return }
    throw ValidationError("--expert-memory is \(expertMemory): it must be from 1 to \(1 << 30) MiB")
  }

  /// The types that float weights can be brought to, for help.
  static let typeNames = Quantizer.formats.map { $0.name.lowercased() }.joined(separator: ", ")

  /// Refuses a type that nothing can be quantized to.
  func checkType() throws {
    guard let type, !Quantizer.formats.contains(type) else { return }
    throw ValidationError("--type is \(type.name.lowercased()): \(Self.typeNames) are possible")
  }

  var loadOptions: LoadOptions {
    var options = LoadOptions()
    options.device = device
    options.contextLength = context
    (options.keyEncoding, options.valueEncoding) = (cache?.keys, cache?.values)
    options.weightType = type
    options.precision = precision
    options.tunesNewDevices = !skipsTuning
    options.recordsSteps = !launchesSteps
    options.memoryBudget = memory.map { $0 << 20 }
    options.expertMemory = expertMemory.map { $0 << 20 }
    // Most commands run one request at a time, which gives way to none.
    options.swapBytes = 0
    return options
  }

  /// The model, with a progress bar while it loads.
  func load(_ source: @autoclosure () throws -> ModelSource, options: LoadOptions? = nil) async throws -> LanguageModel
  {
    let source = try source()
    let options = options ?? loadOptions
    let language = try await loading { try await LanguageModel.load(source, options: options, progress: $0) }
    if precision == .fast, !quiet, language.precision == .exact {
      Terminal.diagnose(
        "--precision fast: not faster than exact with these weights on \(language.device.name), which is used instead")
    }
    return language
  }

  private static let tuningNote =
    "note: this GPU was never tuned: that is done now, once, in at most 20 seconds (--no-tune leaves it out, `tessera tune` "
    + "takes longer and finds more)"

  /// Loads something, with a progress bar meanwhile.
  func loading<T>(_ load: (@escaping @Sendable (LoadProgress) -> Void) async throws -> T) async throws -> T {
    if !quiet, !json, let note = TuningDatabase(contentsOf: TuningDatabase.url).note {
      Terminal.diagnose("note: \(note)")
    }
    if quiet || json { CommandLog.silence() }
    let bar = ProgressBar("loading", quiet: quiet || json)
    defer { bar.finish() }
    return try await load { progress in
      switch progress {
      case .tuning(let share):
        if share == 0, !quiet, !json { Terminal.diagnose(Self.tuningNote) }
        bar.update(share, label: "tuning")
      case .kernels(let done, let all):
        bar.update(Double(done) / Double(max(1, all)), label: "compiling \(done) of \(all) kernels")
      case .weights(let share): bar.update(share)
      }
    }
  }
}

/// How keys and values are kept: one encoding for both, or the keys' and the values' separated by a comma.
struct CacheEncodings: ExpressibleByArgument {
  let keys, values: KVEncoding

  init?(argument: String) {
    let names = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(names.count), let keys = KVEncoding(rawValue: names[0]),
      let values = KVEncoding(rawValue: names[names.count - 1])
    else { return nil }
    (self.keys, self.values) = (keys, values)
  }
}

extension Precision: ExpressibleByArgument {}

/// An input that cannot be used.
struct InputError: Error, CustomStringConvertible {
  let message: String
  var description: String { message }
}
