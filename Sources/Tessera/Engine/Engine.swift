import Foundation
import TesseraCL
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraText

/// Runs the requests of one model together: each step has a token of every generation that goes on, and chunks of
/// prompts.
///
/// All of it happens on a thread of its own. A generation is at most one token ahead of whoever asks for its events: who
/// stops asking stops the work.
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
  private(set) var scheduler = Scheduler()
  private(set) var requests: [SequenceID: Request] = [:]
  private var kept = KeptSequences()
  private var lastID: UInt64 = 0
  private var isRunning = false
  /// Whether steps are left to whoever calls `step`: tests.
  var isPaused = false
  /// How long others wait for the blocks of a request whose token nobody asks for.
  private let patience: Duration
  private var isReminded = false

  init(patience: Duration = .seconds(2)) {
    thread = DeviceThread(name: "tessera")
    self.patience = patience
  }

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
    limits.growth = runner.cache.layout.groups.map(\.blockSize).max() ?? limits.growth
    limits.contextLength = runner.contextLength
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
  /// - Parameter keeper: whose earlier sequence is taken up as far as it shares its tokens with the prompt, and who keeps
  ///   this one.
  /// - Throws: `TesseraError` for options, an empty prompt, or one that does not fit.
  func submit(_ prompt: [Int], source: [Int]? = nil, _ options: GenerationOptions, keeper: UUID? = nil) throws
    -> SequenceID
  {
    try options.check()
    let model = try model()
    let runner = model.runner
    guard !runner.isEncoder else {
      throw TesseraError(
        .badOption,
        "\(runner.profile.architecture) is an encoder, which generates nothing: use `tessera embed` or `tessera hidden`"
      )
    }
    if model.tokenizer == nil, !options.stopStrings.isEmpty {
      throw TesseraError(
        .noTokenizer, "the model has no tokenizer, so texts (--stop) cannot end its answer: leave them out")
    }
    if runner.profile.decoderStartToken != nil, source?.isEmpty != false {
      throw TesseraError(
        .emptyPrompt,
        "the model is an encoder-decoder: give it a source (a text, --source-tokens) of at least one token")
    }
    guard !prompt.isEmpty else { throw TesseraError(.emptyPrompt, "the prompt is empty: give at least one token") }
    guard prompt.count <= runner.contextLength else { throw contextFull(prompt.count, runner) }
    // What one request gets wrong must not reach the step that it shares with others.
    let vocabulary = runner.profile.vocabularySize
    if let token = prompt.first(where: { !(0..<vocabulary).contains($0) }) {
      throw ModelError(.badBatch, "token id \(token): the vocabulary has \(vocabulary), ids begin at 0")
    }
    _ = try SamplingRequest([options.samplingRow], vocabularySize: vocabulary)
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
    if request.isFinished {
      settle(id)
    } else {
      scheduler.add(id, promptTokens: prompt.count, cachedTokens: sequence.tokenCount, arrival: lastID)
      start()
    }
    return id
  }

  /// The next event of a request; nil after its end.
  func next(of id: SequenceID) async throws -> GenerationEvent? {
    if Task.isCancelled { cancel(id) }
    do {
      let event: GenerationEvent?
      if let known = try requests[id]?.take() {
        goOn(id)
        event = known
      } else {
        event = try await wait(id)
      }
      if case .finished? = event { forget(id) }
      return event
    } catch {
      forget(id)
      throw error
    }
  }

  private func wait(_ id: SequenceID) async throws -> GenerationEvent? {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        guard requests[id] != nil else { return continuation.resume(returning: nil) }
        requests[id]?.wait(continuation)
        start()
      }
    } onCancel: {
      Task { await self.cancel(id) }
    }
  }

  /// Ends a request whose consumer's task was canceled: the consumer gets `.cancelled`.
  private func cancel(_ id: SequenceID) {
    requests[id]?.finish(.cancelled)
    settle(id)
  }

  /// Ends a request that nobody asks for any more.
  func abandon(_ id: SequenceID) { forget(id) }

  /// Frees what a conversation keeps, and what it would keep of a request that goes on.
  func release(_ keeper: UUID) {
    kept.remove(keeper)
    for id in requests.keys where requests[id]?.keeper == keeper { requests[id]?.keeper = nil }
    start()
  }

  private func forget(_ id: SequenceID) {
    settle(id)
    requests[id] = nil
  }

  private func fail(_ id: SequenceID, _ error: any Error) {
    requests[id]?.keeper = nil
    requests[id]?.fail(error)
    settle(id)
  }

  /// Takes the sequence of a request that goes no further: its conversation keeps it, or it is closed. Events that nobody
  /// has asked for yet hold no blocks.
  private func settle(_ id: SequenceID) {
    scheduler.remove(id)
    guard let request = requests[id], !request.isSettled else { return }
    requests[id]?.isSettled = true
    if let keeper = request.keeper {
      kept.keep(keeper, request.sequence, tokens: Array(request.tokens.prefix(request.sequence.tokenCount)))
    } else {
      request.sequence.close()
    }
    // Others may wait for the blocks.
    start()
  }

  // MARK: Steps

  /// Begins to step, if nobody does.
  func start() {
    guard !isRunning, !isPaused else { return }
    isRunning = true
    Task { await run() }
  }

  private func run() async {
    while !isPaused, step() {
      // Whoever asks meanwhile is heard between two steps.
      await Task.yield()
    }
    isRunning = false
  }

  /// Tells the scheduler of a token that waited for its consumer.
  private func goOn(_ id: SequenceID) {
    guard let request = requests[id], request.heldSince != nil, request.isDrained else { return }
    requests[id]?.heldSince = nil
    if request.isParked {
      requests[id]?.isParked = false
      scheduler.add(id, promptTokens: request.tokens.count, arrival: id.rawValue)
    } else {
      scheduler.append(id)
    }
    start()
  }

  /// Runs one step; false where there was nothing to do.
  func step() -> Bool {
    guard let model = loaded else { return false }
    let runner = model.runner
    let plan = scheduler.next(CacheBudget(runner.cache, runner.chunkSize, requests, kept: kept.sequences))
    for id in plan.preempted { restart(id) }
    for rejection in plan.rejected { fail(rejection.id, TesseraError(.contextFull, rejection.reason)) }
    guard !plan.isEmpty else {
      guard !scheduler.waiting.isEmpty else { return false }
      if kept.releaseOldest() { return true }
      remind()
      return false
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
      let sampled = items.filter(\.isSampled)
      let result = try runner.run(batch, wantsLogits: sampled.count <= runner.logitRows)
      scheduler.didRun(plan)
      for first in stride(from: 0, to: sampled.count, by: runner.logitRows) {
        try sample(sampled[first..<min(first + runner.logitRows, sampled.count)], result, model)
      }
    } catch let error as MemoryError where error.code == .outOfBlocks && kept.releaseOldest() {
      // The budget counts what conversations keep as free.
      return true
    } catch {
      for item in items { fail(item.id, error) }
    }
    return true
  }

  /// - Parameter items: with their indices, which are their rows of the result.
  private func sample(
    _ items: ArraySlice<Scheduler.Plan.Item>, _ result: ModelRunner.StepResult, _ model: Loaded
  ) throws {
    let choices = try model.sampler.sample(
      items.compactMap { requests[$0.id]?.samplingRow }, of: result, from: items.startIndex)
    for (item, choice) in zip(items, choices) {
      guard let token = choice.id else {
        fail(
          item.id,
          TesseraError(
            .notFinite,
            "the model's logits are not finite: the file is damaged, or the driver wrong; try `tessera doctor`"))
        continue
      }
      do {
        try requests[item.id]?.append(
          token, isEnd: model.endTokens.contains(token),
          contextLength: model.runner.contextLength, peakDeviceBytes: model.runner.heap.peakBytes)
      } catch {
        fail(item.id, error)
        continue
      }
      if requests[item.id]?.isFinished == true {
        settle(item.id)
      } else if requests[item.id]?.isDrained == true {
        scheduler.append(item.id)
      } else {
        requests[item.id]?.heldSince = .now
      }
    }
  }

  /// Takes the blocks of a request that waits again; its tokens become a prompt. One whose token nobody has asked for yet
  /// waits outside of the schedule: run anew, it would get that token twice.
  private func restart(_ id: SequenceID) {
    // Cutting everything off cannot fail.
    try? requests[id]?.sequence.truncate(to: 0)
    guard requests[id]?.heldSince != nil else { return }
    scheduler.remove(id)
    requests[id]?.isParked = true
  }

  /// Looks later whether requests still wait for the blocks of one whose token nobody has asked for.
  private func remind() {
    guard !isReminded, scheduler.running.contains(where: { requests[$0.id]?.heldSince != nil }) else { return }
    isReminded = true
    Task {
      try? await Task.sleep(for: patience)
      isReminded = false
      park()
    }
  }

  /// Takes the blocks of the last request that has been held for long, if others wait.
  private func park() {
    let last =
      scheduler.waiting.isEmpty
      ? nil
      : scheduler.running.last { entry in
        requests[entry.id]?.heldSince.map { .now - $0 >= patience } ?? false
      }
    if let id = last?.id { restart(id) }
    start()
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
    let (vocabulary, rows) = (model.runner.profile.vocabularySize, model.runner.logitRows)
    let result = try model.runner.run(
      Batch(pieces.map { .init(sequence: $0.sequence, tokens: $0.tokens.map { $0 % vocabulary }) }),
      wantsLogits: pieces.count <= rows)
    for first in stride(from: 0, to: pieces.count, by: rows) {
      let count = min(rows, pieces.count - first)
      _ = try model.sampler.sample(Array(repeating: SamplingRow(), count: count), of: result, from: first)
    }
  }

  /// Runs work on the model between two steps.
  func withRunner<T: Sendable>(_ body: @Sendable (ModelRunner) throws -> T) throws -> T {
    let runner = try model().runner
    while true {
      do { return try body(runner) } catch let error as MemoryError where error.code == .outOfBlocks {
        guard makeRoom() else { throw error }
      }
    }
  }

  /// Takes blocks: what conversations keep goes first, then those of the last request that runs.
  private func makeRoom() -> Bool {
    if kept.releaseOldest() { return true }
    guard let last = scheduler.running.last(where: { requests[$0.id].map { $0.sequence.tokenCount > 0 } ?? false })
    else {
      return false
    }
    scheduler.preempt(last.id)
    restart(last.id)
    return true
  }
}
