import Foundation
import TesseraCL
import TesseraModels
import TesseraOperators
import TesseraMemory

/// Where a model runs, and with how much memory.
public struct LoadOptions: Sendable {
  /// An index of `Device.all()`, or part of a device's name; nil takes `$TESSERA_DEVICE`, else the first GPU, else the
  /// first CPU.
  public var device: String?
  /// Tokens that a prompt and its answer may have together; nil takes what the model was trained for, at most 4,096.
  public var contextLength: Int?
  /// Generations that may be full at once; each has the whole context, so memory grows with it.
  public var sequenceCount = 1
  /// Device memory for keys and values, in bytes: as many generations may be full at once as it has room for, at most
  /// `sequenceCount`. Nil takes what `sequenceCount` needs.
  public var cacheBytes: Int?
  /// Device memory that may be used, in bytes; nil leaves the device a margin.
  public var memoryBudget: Int?
  /// Device memory for experts, in bytes: they stay in host memory and come to the device as they are chosen, the least recently
  /// used giving way. Results do not depend on it. Nil brings all to the device.
  public var expertMemory: Int?
  /// How keys and values are kept: `.f32` is exact, `.f16` takes half the memory; nil takes `.f16` on GPUs, else `.f32`
  /// (`MemoryPlan.cacheEncoding` has what was taken).
  public var keyEncoding: KVEncoding?
  public var valueEncoding: KVEncoding?
  /// The type that float weights are quantized to as they load; nil keeps them as they are stored.
  public var weightType: WeightFormat?
  /// `.fast` rounds activations to 8 bits where that is faster; `LanguageModel.precision` has the precision actually in use.
  public var precision = Precision.exact
  /// Low-rank adapters (LoRA) that generations may choose from, by their names; the first is not chosen by itself.
  public var adapters: [Adapter] = []
  /// The most tokens of a prompt that run together.
  public var chunkSize = 512
  /// Whether sequences share the keys and values of what they begin with, whole blocks of 64 tokens, and the cache keeps those of
  /// earlier ones until it needs the room. Results do not depend on it.
  public var prefixCache = true
  /// Host memory, in bytes, for keys and values of prompts' beginnings that the device has no room for; 0: none.
  public var hostCacheBytes = 0
  /// A folder that keeps them for later runs; nil: none.
  public var diskCache: DiskCache?
  /// Host memory, in bytes, for what generations have computed that give up their place in the cache for others: what is copied
  /// need not be computed again. Results do not depend on it. Nil takes as much as the cache has, at most 1 GiB and an eighth of what
  /// is free; what is named is refused where it is not free.
  public var swapBytes: Int?
  /// Whether a GPU that was never tuned is tuned before the model is loaded, once, in at most 20 seconds; what is found is kept
  /// for later. Results do not depend on it.
  public var tunesNewDevices = true
  /// Whether a GPU's steps that run again are recorded as command buffers (`cl_khr_command_buffer`), where its driver has them.
  /// Results do not depend on it.
  public var recordsSteps = true
  /// Whether a decoder's kernels are compiled while the model is loaded, on CPUs a program for steps of all sizes, on GPUs
  /// what a prompt, an answer's token and its choice launch, instead of as they are first needed: the first answers come at once, and loading
  /// takes longer where the driver compiles anew. Nil does so on GPUs.
  public var compilesAhead: Bool?
  /// How kernels use the device; nil takes `$TESSERA_STYLE`, else what suits it.
  package var style: KernelStyle?
  /// Tiles that were measured to be fast; nil takes what `tessera tune` has found for the device, or what comes with
  /// Tessera. Results do not depend on it.
  package var tuning: Tuning?

  /// A folder for keys and values of prompts' beginnings.
  public struct DiskCache: Sendable, Equatable {
    /// Is made where it is missing. Whoever can write there can change answers.
    public var folder: String
    /// The most that it takes, all models' together.
    public var byteLimit: Int

    public init(folder: String, byteLimit: Int = 8 << 30) { (self.folder, self.byteLimit) = (folder, byteLimit) }
  }

  /// A low-rank adapter's files (Hu et al. 2021).
  public struct Adapter: Sendable, Equatable {
    /// By which `GenerationOptions.adapter` and other calls choose it.
    public var name: String
    /// A folder that PEFT has saved, or a GGUF file.
    public var path: String
    /// Factor of what it changes, besides its own.
    public var scale: Double

    /// - Parameters:
    ///   - name: nil takes the last part of the path.
    ///   - path: a folder that PEFT has saved, or a GGUF file.
    ///   - scale: factor of what it changes, besides its own.
    public init(name: String? = nil, path: String, scale: Double = 1) {
      self.name = name ?? path.split(separator: "/").last.map(String.init) ?? path
      (self.path, self.scale) = (path, scale)
    }

    /// - Throws: an error that says what is wrong with the files.
    package func open() throws -> TesseraModels.Adapter {
      try TesseraModels.Adapter(path: path, name: name, scale: scale)
    }
  }

  public init() {}

  /// The style that `TESSERA_STYLE` asks for; nil where it is not set.
  package static func requestedStyle() throws(TesseraError) -> KernelStyle? {
    guard let name = ProcessInfo.processInfo.environment["TESSERA_STYLE"], !name.isEmpty else { return nil }
    guard let style = KernelStyle(rawValue: name) else {
      throw TesseraError(.badOption, "TESSERA_STYLE is \"\(name)\": vector and simt are possible")
    }
    return style
  }

  /// What the host's memory is wanted for.
  package var hostMemory: HostMemoryDemand {
    HostMemoryDemand(
      swapBytes: swapBytes.map { max(0, $0) }, cacheBytes: prefixCache ? max(0, hostCacheBytes) : 0,
      keepsOnDisk: prefixCache && diskCache != nil)
  }

  func runnerOptions(_ source: ModelSource, on type: DeviceProfile.DeviceType) throws -> ModelRunner.Options {
    var options = ModelRunner.Options()
    options.contextLength = contextLength
    (options.sequenceCount, options.cacheBytes) = (sequenceCount, cacheBytes)
    (options.memoryBudget, options.hostMemory) = (memoryBudget, hostMemory)
    options.expertMemory = expertMemory
    let standard = KVEncoding.standard(on: type)
    (options.keys, options.values) = (keyEncoding ?? standard, valueEncoding ?? standard)
    options.weightFormat = weightType
    options.chunkSize = chunkSize
    options.adapters = try adapters.map { try $0.open() }
    options.style = try style ?? Self.requestedStyle()
    options.tuning = tuning
    options.precision = precision
    if !recordsSteps { options.recordsSteps = false }
    options.compilesAhead = compilesAhead
    options.seed = source.seed
    return options
  }
}

extension LoadOptions {
  /// Throws where adapters are named for what computes with none.
  func refuseAdapters(_ kind: String) throws(TesseraError) {
    guard adapters.isEmpty else {
      throw TesseraError(.badOption, "\(kind) are computed without adapters: leave them out")
    }
  }
}
