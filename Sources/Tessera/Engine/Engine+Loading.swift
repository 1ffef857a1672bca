import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraSystem
import TesseraText

extension Engine {
  /// The facts about a model once it is loaded.
  struct Parts: Sendable {
    var tokenizer: Result<Tokenizer, any Error>
    var template: Result<ChatTemplate?, any Error>
    var profile: ModelProfile
    var device: DeviceProfile
    var memoryPlan: MemoryPlan
    var weightBytesPerToken: Int
    var precision: Precision
    var firstTokens: [Int]
    var adapters: [String]
    var loadSeconds: Double
    var hasExperts: Bool
    var origin: ModelOrigin
  }

  /// Opens files on the engine's thread, since that may block.
  func open<T: Sendable>(_ files: @Sendable () throws -> T) throws -> T { try files() }

  /// Opens a model's files, chooses the device, plans, and loads: all of it on the engine's thread, since all of it may block. The
  /// tokenizer is made meanwhile.
  func open(
    _ source: @Sendable () throws -> ModelSource, _ options: LoadOptions, since start: ContinuousClock.Instant,
    progress: @escaping @Sendable (LoadProgress) -> Void
  ) async throws -> Parts {
    let source = try source()
    let device = try Device.select(options.device)
    let runnerOptions = try options.runnerOptions(source, on: device.profile.type)
    let origin = ModelOrigin(source, options, runnerOptions.adapters)
    var draft = try ModelDraft(source.checkpoint, on: device, options: runnerOptions)
    let tune = QuickTune(device: device, style: draft.style, formats: draft.formats)
    if options.tunesNewDevices, options.tuning == nil, tune.isNeeded(on: device.profile.type) {
      try tune.run { progress(.tuning($0)) }
      draft = try ModelDraft(source.checkpoint, on: device, options: runnerOptions)
    }
    let vocabularySize = draft.profile.vocabularySize
    async let made = TextWorker().run { Result { try source.tokenizer(vocabularySize: vocabularySize) } }
    let runner = try ModelRunner(draft, progress: progress)
    let hasExperts = runner.hasExperts
    let tokenizer = try await made
    let rules = try source.tokenRules(takesSource: runner.takesSource)
    preemption.swapLimit = runner.plan.host.swapBytes
    let (prefixes, tiers) = try prefixParts(source, options, runnerOptions.adapters, runner)
    let precision = try load(
      runner, rules: rules, tokenizer: try? tokenizer.get(), prefixes: prefixes, tiers: tiers, since: start)
    return Parts(
      tokenizer: tokenizer, template: Result { try source.chatTemplate(of: try tokenizer.get()) },
      profile: draft.profile,
      device: device.profile, memoryPlan: draft.memory, weightBytesPerToken: draft.weightBytesPerToken,
      precision: precision, firstTokens: rules.first, adapters: runnerOptions.adapters.map(\.name),
      loadSeconds: loadSeconds, hasExperts: hasExperts, origin: origin)
  }

  /// How sequences share what they begin with, and where that is kept.
  private func prefixParts(
    _ source: ModelSource, _ options: LoadOptions, _ opened: [Adapter], _ runner: ModelRunner
  ) throws -> (PrefixNames?, PrefixTiers?) {
    guard options.prefixCache, runner.cache.layout.prefixBlockSize != nil else { return (nil, nil) }
    let isStored = options.hostCacheBytes > 0 || options.diskCache != nil
    // On the device and in this process there is no other model.
    var model = "this one"
    var adapters = options.adapters.map(\.name)
    if isStored {
      let device = runner.library.context.device.profile
      let weights = options.weightType.map { $0.name } ?? "as stored"
      model = "\(try source.digest().hexadecimal) \(weights) \(device.name) \(device.driverVersion)"
      model += " \(KernelSource.digest.hexadecimal) \(runner.rotationDigest.hexadecimal)"
      adapters = try zip(opened, options.adapters).map { "\(try $0.digest().hexadecimal) \($1.scale)" }
    }
    let names = PrefixNames(runner, model: model, adapters: adapters)
    let digest = runner.cache.layout.digest(model: model, style: runner.library.style)
    let tiers = try PrefixTiers(
      options, runner.cache.layout, contextLength: runner.contextLength, layoutDigest: digest)
    return (names, tiers)
  }
}

extension ModelRunner {
  /// Of the angles that keys are turned by, which may depend on the context that the model is loaded with.
  fileprivate var rotationDigest: Fingerprint {
    var builder = FingerprintBuilder()
    for table in profile.rotaryTables.map({ $0.table(ofContext: contextLength) }) {
      builder.append(table.rotaryDim)
      builder.append(table.magnitude.bitPattern)
      for frequency in table.frequencies { builder.append(frequency.bitPattern) }
    }
    return builder.finish()
  }
}
