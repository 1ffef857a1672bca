import Foundation
import TesseraCL
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraText

/// Runs the requests of one model together: each step has a token of every generation that goes on, and chunks of prompts.
///
/// All of it happens on a thread of its own. A generation is at most one token ahead of whoever asks for its events: who stops
/// asking stops the work.
actor Engine {
  private let thread: DeviceThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// A model that is on its device.
  private struct Loaded {
    let runner: ModelRunner
    let sampler: BatchSampler
    let tokenizer: Tokenizer?
    /// Tokens at which a generation ends.
    let endTokens: Set<Int>
    let seconds: Double
  }

  private var loaded: Loaded?
  private var scheduler = Scheduler()
  private var requests: [SequenceID: Request] = [:]
  private var kept = KeptSequences()
  private var lastID: UInt64 = 0
  private var isRunning = false

  init() { thread = DeviceThread(name: "tessera") }

  /// Brings a model to its device.
  ///
  /// - Returns: the precision that it has there.
  func load(
    _ source: ModelSource, on device: Device, options: ModelRunner.Options, tokenizer: Tokenizer?,
    since start: ContinuousClock.Instant, progress: @escaping @Sendable (Double) -> Void
  ) throws -> Precision {
    let runner = try ModelRunner(source.checkpoint, on: device, options: options, progress: progress)
    var limits = Scheduler.Limits()
    limits.tokenBudget = runner.chunkSize
    limits.outputRows = runner.logitRows
    scheduler = Scheduler(limits: limits)
    loaded = Loaded(
      runner: runner, sampler: try BatchSampler(runner), tokenizer: tokenizer,
      endTokens: (tokenizer?.endOfGenerationTokens ?? []).union(try source.endTokens()),
      seconds: (ContinuousClock.now - start).seconds)
    return runner.precision
  }

  /// Seconds that loading took.
  var loadSeconds: Double { loaded?.seconds ?? 0 }

  private func model() throws(TesseraError) -> Loaded {
    guard let loaded else { throw TesseraError(.unsupportedFile, "the model is not loaded") }
    return loaded
  }

  // MARK: Requests

  /// Adds a request.
  ///
  /// - Parameter keeper: whose earlier sequence is taken up as far as it shares its tokens with the prompt, and who keeps this one.
  /// - Throws: `TesseraError` for options, an empty prompt, or one that does not fit.
  func submit(_ prompt: [Int], source: [Int]? = nil, _ options: GenerationOptions, keeper: UUID? = nil) throws -> SequenceID
  {
    try options.check()
    let model = try model()
    let runner = model.runner
    guard !runner.isEncoder else {
      throw TesseraError(
        .badOption,
        "\(runner.profile.architecture) is an encoder, which generates nothing: use `tessera embed` or `tessera hidden`")
    }
    if model.tokenizer == nil, !options.stopStrings.isEmpty {
      throw TesseraError(.noTokenizer, "the model has no tokenizer, so texts (--stop) cannot end its answer: leave them out")
    }
    if runner.profile.decoderStartToken != nil, source?.isEmpty != false {
      throw TesseraError(
        .emptyPrompt, "the model is an encoder-decoder: give it a source (a text, --source-tokens) of at least one token")
    }
    guard !prompt.isEmpty else { throw TesseraError(.emptyPrompt, "the prompt is empty: give at least one token") }
    guard prompt.count <= runner.contextLength else { throw contextFull(prompt.count, runner) }
    lastID += 1
    let id = SequenceID(rawValue: lastID)
    let sequence = keeper.flatMap { kept.take($0, sharing: prompt) } ?? runner.cache.makeSequence()
    do { if let source { _ = try runner.runSource(source, of: sequence) } } catch {
      sequence.close()
      throw error
    }
    var request = Request(
      id, prompt: prompt, cached: sequence.tokenCount, sequence: sequence, options: options, keeper: keeper,
      tokenizer: model.tokenizer, loadSeconds: model.seconds)
    if options.maxTokens == 0 { request.finish(.length) }
    requests[id] = request
    if !request.isFinished {
      scheduler.add(id, promptTokens: prompt.count, cachedTokens: sequence.tokenCount, arrival: lastID)
      start()
    }
    return id
  }

  /// The next event of a request; nil after its end.
  func next(of id: SequenceID) async throws -> GenerationEvent? {
    guard requests[id] != nil else { return nil }
    if let event = try requests[id]?.take() {
      goOn(id)
      if case .finished? = event { forget(id) }
      return event
    }
    return try await withTaskCancellationHandler {
      let event: GenerationEvent? = try await withCheckedThrowingContinuation { continuation in
        if requests[id] == nil { continuation.resume(returning: nil) } else { requests[id]?.wait(continuation) }
        if Task.isCancelled { requests[id]?.finish(.cancelled) }
        start()
      }
      if case .finished? = event { forget(id) }
      return event
    } onCancel: {
      Task { await self.cancel(id) }
    }
  }

  /// Ends a request whose consumer's task was canceled: the consumer gets `.cancelled`.
  private func cancel(_ id: SequenceID) {
    guard requests[id]?.isFinished == false else { return }
    scheduler.remove(id)
    requests[id]?.finish(.cancelled)
    start()
  }

  /// Ends a request that nobody asks for any more.
  func abandon(_ id: SequenceID) {
    scheduler.remove(id)
    forget(id)
  }

  /// Tokens of a request, the prompt's and the answer's.
  func tokens(of id: SequenceID) -> [Int] { requests[id]?.tokens ?? [] }

  /// Frees what a conversation keeps.
  func release(_ keeper: UUID) { kept.remove(keeper) }

  private func forget(_ id: SequenceID) {
    guard let request = requests.removeValue(forKey: id) else { return }
    scheduler.remove(id)
    if let keeper = request.keeper {
      kept.keep(keeper, request.sequence, tokens: Array(request.tokens.prefix(request.sequence.tokenCount)))
    } else {
      request.sequence.close()
    }
  }

  // MARK: Steps

  /// Begins to step, if nobody does.
  private func start() {
    guard !isRunning else { return }
    isRunning = true
    Task { await run() }
  }

  private func run() async {
    while step() {
      // Whoever asks meanwhile is heard between two steps.
      await Task.yield()
    }
    isRunning = false
  }

  /// Tells the scheduler of a token that waited for its consumer.
  private func goOn(_ id: SequenceID) {
    guard requests[id]?.isHeld == true, requests[id]?.isDrained == true else { return }
    requests[id]?.isHeld = false
    scheduler.append(id)
    start()
  }

  /// Runs one step; false where there was nothing to do.
  private func step() -> Bool {
    guard let model = loaded else { return false }
    let runner = model.runner
    let plan = scheduler.next(Budget(runner.cache, runner.chunkSize, requests))
    for id in plan.preempted { restart(id) }
    for rejection in plan.rejected {
      requests[rejection.id]?.fail(TesseraError(.contextFull, rejection.reason))
    }
    guard !plan.isEmpty else {
      // What conversations keep goes before anybody waits.
      return !scheduler.waiting.isEmpty && kept.releaseOldest()
    }
    let items = plan.items.filter { requests[$0.id] != nil }
    do {
      let batch = Batch(
        items.compactMap { item in
          requests[item.id].map {
            .init(
              sequence: $0.sequence, tokens: Array($0.tokens[item.first..<item.first + item.count]),
              outputs: item.isSampled ? .last : .none)
          }
        })
      let result = try runner.run(batch)
      scheduler.didRun(plan)
      try sample(items.filter(\.isSampled), result, model)
    } catch let error as MemoryError where error.code == .outOfBlocks && kept.releaseOldest() {
      return true
    } catch {
      for item in items {
        scheduler.remove(item.id)
        requests[item.id]?.fail(error)
      }
    }
    return true
  }

  private func sample(_ items: [Scheduler.Plan.Item], _ result: ModelRunner.StepResult, _ model: Loaded) throws {
    guard !items.isEmpty else { return }
    let choices = try model.sampler.sample(items.compactMap { requests[$0.id]?.samplingRow }, of: result)
    for (item, choice) in zip(items, choices) {
      guard let token = choice.id else {
        scheduler.remove(item.id)
        requests[item.id]?.fail(
          TesseraError(
            .notFinite,
            "the model's logits are not finite: the file is damaged, or the driver wrong; try `tessera doctor`"))
        continue
      }
      do {
        try requests[item.id]?.append(
          token, isEnd: model.endTokens.contains(token),
          contextLength: model.runner.contextLength, peakDeviceBytes: model.runner.heap.peakBytes)
      } catch { requests[item.id]?.fail(error) }
      guard requests[item.id]?.isFinished == false else {
        scheduler.remove(item.id)
        continue
      }
      if requests[item.id]?.isDrained == true {
        scheduler.append(item.id)
      } else {
        requests[item.id]?.isHeld = true
      }
    }
  }

  /// Takes the blocks of a request, whose tokens become a prompt again.
  private func restart(_ id: SequenceID) {
    // Cutting everything off cannot fail.
    try? requests[id]?.sequence.truncate(to: 0)
  }

  private func contextFull(_ count: Int, _ runner: ModelRunner) -> TesseraError {
    TesseraError(
      .contextFull,
      "\(count) tokens do not fit the context of \(runner.contextLength): shorten the prompt, or load with a longer "
        + "context (--context, the model was trained for \(runner.profile.contextLength))")
  }

  // MARK: Other work

  /// Runs one step of sequences of its own, and chooses the likeliest token of each: for measurements.
  func runAndSample(_ pieces: [(sequence: KVSequence, tokens: [Int])]) throws {
    let model = try model()
    let vocabulary = model.runner.profile.vocabularySize
    let result = try model.runner.run(
      Batch(pieces.map { .init(sequence: $0.sequence, tokens: $0.tokens.map { $0 % vocabulary }) }))
    _ = try model.sampler.sample(pieces.map { _ in SamplingRow() }, of: result)
  }

  /// Runs work on the model between two steps.
  func withRunner<T: Sendable>(_ body: @Sendable (ModelRunner) throws -> T) throws -> T {
    let runner = try model().runner
    while true {
      do { return try body(runner) } catch let error as MemoryError where error.code == .outOfBlocks {
        // What conversations keep goes first.
        guard kept.releaseOldest() else { throw error }
      }
    }
  }
}

/// The blocks of a cache, as the scheduler asks for them.
private struct Budget: BlockBudget {
  let total: [Int]
  let free: [Int]
  private let cache: KVCache
  private let stepTokens: Int
  private let sequences: [SequenceID: KVSequence]

  init(_ cache: KVCache, _ stepTokens: Int, _ requests: [SequenceID: Request]) {
    self.cache = cache
    self.stepTokens = stepTokens
    total = cache.blockCounts
    free = cache.layout.groups.indices.map { cache.freeBlockCount(group: $0) }
    sequences = requests.mapValues(\.sequence)
  }

  func missing(_ id: SequenceID, tokens: Int) -> [Int] {
    guard let sequence = sequences[id] else { return needed(tokens: tokens) }
    return sequence.missingBlocks(for: tokens, stepTokens: stepTokens)
  }

  func released(by id: SequenceID) -> [Int] { sequences[id]?.ownBlocks ?? total.map { _ in 0 } }

  func needed(tokens: Int) -> [Int] {
    cache.layout.mostBlocks(tokens: tokens, stepTokens: stepTokens)
  }
}

/// The sequences that conversations keep for their next turn, until somebody needs the blocks.
private struct KeptSequences {
  private struct Kept {
    var sequence: KVSequence
    var tokens: [Int]
    var lastUse: UInt64
  }

  private var all: [UUID: Kept] = [:]
  private var clock: UInt64 = 0

  mutating func keep(_ keeper: UUID, _ sequence: KVSequence, tokens: [Int]) {
    clock += 1
    all.removeValue(forKey: keeper)?.sequence.close()
    all[keeper] = Kept(sequence: sequence, tokens: tokens, lastUse: clock)
  }

  /// A keeper's sequence, cut back to what it shares with a prompt; at least one token is left to compute.
  mutating func take(_ keeper: UUID, sharing prompt: [Int]) -> KVSequence? {
    guard let kept = all.removeValue(forKey: keeper) else { return nil }
    let shared = zip(kept.tokens, prompt).prefix { $0 == $1 }.count
    do {
      try kept.sequence.truncate(to: min(shared, prompt.count - 1, kept.sequence.tokenCount))
    } catch {
      // Keys behind a window are gone: all is computed anew.
      try? kept.sequence.truncate(to: 0)
    }
    return kept.sequence
  }

  mutating func remove(_ keeper: UUID) { all.removeValue(forKey: keeper)?.sequence.close() }

  /// Closes the sequence that was used the longest ago; false where there is none.
  mutating func releaseOldest() -> Bool {
    guard let oldest = all.min(by: { $0.value.lastUse < $1.value.lastUse })?.key else { return false }
    remove(oldest)
    return true
  }
}
