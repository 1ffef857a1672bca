import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
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
    var loadSeconds: Double
  }

  /// Opens a model's files, chooses the device, plans, and loads: all of it on the engine's thread, since all of it may block.
  func open(
    _ source: @Sendable () throws -> ModelSource, _ options: LoadOptions, since start: ContinuousClock.Instant,
    progress: @escaping @Sendable (Double) -> Void
  ) throws -> Parts {
    let source = try source()
    let runnerOptions = try options.runnerOptions(source)
    let device = try Device.select(options.device)
    let draft = try ModelDraft(source.checkpoint, on: device, options: runnerOptions)
    let tokenizer = Result { try source.tokenizer(vocabularySize: draft.profile.vocabularySize) }
    let precision = try load(
      source, on: device, options: runnerOptions, tokenizer: try? tokenizer.get(), since: start, progress: progress)
    return Parts(
      tokenizer: tokenizer, template: Result { try source.chatTemplate(of: try tokenizer.get()) },
      profile: draft.profile,
      device: device.profile, memoryPlan: draft.memory, weightBytesPerToken: draft.weightBytesPerToken,
      precision: precision, loadSeconds: loadSeconds)
  }
}
