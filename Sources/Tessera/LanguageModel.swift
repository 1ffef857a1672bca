import Foundation
import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraText

/// A language model on an OpenCL device.
///
///     let model = try await LanguageModel.load(from: url)
///     for try await event in model.generate("Once upon a time") { … }
///
/// Safe to use from any task; what several tasks ask for is done in turn, token by token. The device is waited for on a
/// thread of the model's own.
public actor LanguageModel {
  /// The file's tokenizer.
  public nonisolated let tokenizer: Tokenizer
  /// The file's chat template, if it has one.
  ///
  /// - Throws: `TemplateError` if it cannot be interpreted; the model completes texts all the same.
  public nonisolated var chatTemplate: ChatTemplate? { get throws { try template.get() } }
  private nonisolated let template: Result<ChatTemplate?, any Error>
  public nonisolated let configuration: Configuration
  public nonisolated let device: DeviceProfile
  /// What the model takes of the device.
  public nonisolated let memoryPlan: MemoryPlan
  /// Bytes of weights that the device reads for a generated token.
  public nonisolated let weightBytesPerToken: Int
  /// Tokens that a prompt and its answer may have together.
  public nonisolated var contextLength: Int { memoryPlan.contextLength }
  /// Seconds that loading took.
  public private(set) var loadSeconds = 0.0

  private let thread = DeviceThread(name: "tessera")
  public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
  private let source: ModelSource
  private var transformer: Transformer?

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - url: a GGUF file.
  ///   - progress: told the share of the weights that are on the device, 0 to 1, from another thread.
  /// - Throws: an error that says what is wrong, where, and what to do: the file cannot be read or is damaged, its
  ///   architecture is not supported, it does not fit the device's memory, no device is there.
  public static func load(
    from url: URL, options: LoadOptions = LoadOptions(), progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) async throws -> LanguageModel {
    try await load(ModelSource(path: url.path), options: options, progress: progress)
  }

  /// Loads a model whose file is open, or one of random weights (`RandomModel`).
  public static func load(
    _ source: ModelSource, options: LoadOptions = LoadOptions(),
    progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) async throws -> LanguageModel {
    let start = ContinuousClock.now
    let model = try LanguageModel(source, options)
    try await model.loadWeights(since: start, progress: progress)
    return model
  }

  /// What products compute with: `.exact` also where `.fast` was asked for and is not faster on the device with weights of
  /// the model's types.
  public var precision: Precision { transformer?.precision ?? options.precision }

  private let options: Transformer.Options
  private let selected: Device

  private init(_ source: ModelSource, _ options: LoadOptions) throws {
    self.source = source
    self.options = try options.transformerOptions
    selected = try Device.select(options.device)
    device = selected.profile
    configuration = try Configuration(source.file)
    memoryPlan = try Transformer.plan(source.file, limits: DeviceLimits(selected.profile), options: self.options)
    weightBytesPerToken = try Transformer.weightBytesPerToken(source.file)
    tokenizer = try source.tokenizer()
    guard tokenizer.vocabularyCount == configuration.vocabularyCount else {
      throw TesseraError(
        .unsupportedFile,
        "\(source.file.mappedFile.path): the tokenizer has \(tokenizer.vocabularyCount) tokens, but token_embd.weight "
          + "has \(configuration.vocabularyCount) rows: the file is damaged or badly made, get another one")
    }
    template = Result { try source.chatTemplate() }
  }

  private func loadWeights(since start: ContinuousClock.Instant, progress: @escaping @Sendable (Double) -> Void) throws
  {
    transformer = try Transformer(source.file, on: selected, options: options, progress: progress)
    loadSeconds = (ContinuousClock.now - start).seconds
  }

  // MARK: Generation

  /// Completes a text, as it stands: no chat template is applied.
  public nonisolated func generate(_ prompt: String, options: GenerationOptions = .init()) throws -> GenerationStream {
    generate(tokens: try tokenizer.encode(prompt), options: options)
  }

  /// Completes a sequence of token ids.
  public nonisolated func generate(tokens: [Int], options: GenerationOptions = .init()) -> GenerationStream {
    GenerationStream(model: self, prompt: tokens, options: options)
  }

  /// Begins a generation from nothing, or in a sequence, which is cut back to what it shares with the prompt; at least
  /// one token is left to compute.
  ///
  /// - Parameter cached: the first tokens that `sequence` holds. The cut is made here, where no step can be under way.
  func begin(
    _ prompt: [Int], _ options: GenerationOptions, in sequence: KVSequence? = nil, holding cached: [Int] = []
  ) throws -> GenerationState {
    try options.check()
    guard !prompt.isEmpty else { throw TesseraError(.emptyPrompt, "the prompt is empty: give at least one token") }
    guard prompt.count <= contextLength else { throw contextFull(prompt.count) }
    let transformer = try loaded()
    if let sequence {
      let shared = zip(cached, prompt).prefix { $0 == $1 }.count
      try sequence.truncate(to: min(shared, prompt.count - 1, sequence.tokenCount))
    }
    var state = GenerationState(
      prompt: prompt, sequence: sequence ?? transformer.cache.makeSequence(), options: options, tokenizer: tokenizer
    )
    state.statistics.loadSeconds = loadSeconds
    return state
  }

  /// The next event of a generation: reads what the model has not seen of the prompt, then one token.
  func advance(_ current: GenerationState) throws -> (GenerationState, GenerationEvent) {
    let transformer = try loaded()
    var state = current
    state.statistics.peakDeviceBytes = transformer.heap.peakBytes
    if state.isStopped { return finish(state, .stop) }
    if let limit = state.options.maxTokens, state.statistics.generatedTokens >= limit { return finish(state, .length) }
    guard state.tokens.count <= contextLength else { throw contextFull(state.tokens.count) }
    while !state.pending.isEmpty {
      if Task.isCancelled { return finish(state, .cancelled) }
      let chunk = Array(state.pending.prefix(transformer.chunkSize))
      try transformer.forward(Batch([.init(sequence: state.sequence, tokens: chunk)], outputs: .last))
      state.pending.removeFirst(chunk.count)
    }
    let candidates = try transformer.candidates(
      row: 0, keep: state.sampler.keep, penalised: state.penalised, penalty: state.options.repeatPenalty)
    let token = try state.sampler.choose(candidates)
    if state.firstToken == nil { state.firstToken = .now }
    state.statistics.peakDeviceBytes = transformer.heap.peakBytes
    state.tokens.append(token)
    state.pending = [token]
    if tokenizer.endOfGenerationTokens.contains(token) { return finish(state, .stop) }
    state.statistics.generatedTokens += 1
    let (text, isStopped) = state.stops.append(try state.detokenizer.append(token))
    state.isStopped = isStopped
    return (state, .token(id: token, text: text))
  }

  private func finish(_ current: GenerationState, _ reason: FinishReason) -> (GenerationState, GenerationEvent) {
    var state = current
    let rest = state.stops.append(state.detokenizer.finish())
    let result = state.finish(reason, trailingText: rest.text + (rest.isStopped ? "" : state.stops.finish()))
    return (state, .finished(result))
  }

  private func contextFull(_ count: Int) -> TesseraError {
    TesseraError(
      .contextFull,
      "\(count) tokens do not fit the context of \(contextLength): shorten the prompt, or load with a longer context "
        + "(--context, the model was trained for \(configuration.contextLength))")
  }

  // MARK: Logits

  /// The logits of every position of a sequence.
  ///
  /// - Parameters:
  ///   - chunk: tokens that run together; nil takes as many as fit. The result does not depend on it.
  ///   - body: given consecutive rows, (rows, vocabularyCount).
  public func logits(tokens: [Int], chunk: Int? = nil, _ body: @Sendable ([Float]) throws -> Void) throws {
    guard !tokens.isEmpty else { throw TesseraError(.emptyPrompt, "no tokens: give at least one") }
    guard tokens.count <= contextLength else { throw contextFull(tokens.count) }
    if let chunk, chunk < 1 { throw TesseraError(.badOption, "the chunk is \(chunk): it must be 1 or more") }
    let transformer = try loaded()
    let chunk = min(chunk ?? .max, transformer.chunkSize)
    let sequence = transformer.cache.makeSequence()
    for start in stride(from: 0, to: tokens.count, by: chunk) {
      try Task.checkCancellation()
      let piece = Array(tokens[start..<min(start + chunk, tokens.count)])
      try transformer.forward(Batch([.init(sequence: sequence, tokens: piece)]))
      for row in stride(from: 0, to: piece.count, by: transformer.logitRows) {
        try body(transformer.logits(rows: row..<min(row + transformer.logitRows, piece.count)))
      }
    }
  }

  // MARK: Measurement

  /// Seconds that a prompt of `tokens` takes, and then `count` tokens one by one, behind `depth` tokens; and how many of
  /// both the device was waited for.
  public func measure(promptTokens: Int, generatedTokens: Int, depth: Int) throws -> (
    prompt: Double, generation: Double, waited: Double
  ) {
    let transformer = try loaded()
    let total = promptTokens + generatedTokens + depth
    guard total <= contextLength else { throw contextFull(total) }
    let sequence = transformer.cache.makeSequence()
    let vocabulary = configuration.vocabularyCount
    func run(_ count: Int, chunk: Int) throws -> Double {
      let start = ContinuousClock.now
      for first in stride(from: 0, to: count, by: chunk) {
        try Task.checkCancellation()
        // Any ids do: the work does not depend on them.
        let piece = (first..<min(first + chunk, count)).map { ($0 * 7919 + 1) % vocabulary }
        try transformer.forward(Batch([.init(sequence: sequence, tokens: piece)], outputs: .last))
        _ = try transformer.candidates(row: 0, keep: 1)
      }
      return (ContinuousClock.now - start).seconds
    }
    _ = try run(depth, chunk: transformer.chunkSize)
    let before = transformer.timeWaited
    let prompt = try run(promptTokens, chunk: transformer.chunkSize)
    let generation = try run(generatedTokens, chunk: 1)
    return (prompt, generation, (transformer.timeWaited - before).seconds)
  }

  func loaded() throws(TesseraError) -> Transformer {
    guard let transformer else { throw TesseraError(.unsupportedFile, "the model is not loaded") }
    return transformer
  }
}
