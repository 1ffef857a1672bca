import Foundation
import TesseraCL
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraText

/// Runs the requests of one model together: each step has a token of every generation that goes on, and chunks of
/// prompts.
///
/// All of it happens on a thread of its own. A generation is at most one token ahead of whoever asks for its events, two
/// where steps are launched (`Flight`): who stops asking stops the work.
actor Engine {
  private let thread: DeviceThread
  private let turnstile: DeviceThread.Turnstile
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// A model that is on its device.
  struct Loaded {
    let runner: ModelRunner
    let sampler: BatchSampler
    let tokenizer: Tokenizer?
    /// A mask of the tokens that may be generated, where logits have columns of others.
    let tokenMask: [UInt32]?
    /// Tokens at which a generation ends.
    let endTokens: Set<Int>
    let rules: TokenRules
    let constraints: ConstraintCache
    /// Nil where sequences share no prefixes.
    let prefixes: PrefixNames?
    /// Nil where blocks are kept on the device alone.
    let tiers: PrefixTiers?
    let seconds: Double
  }

  private(set) var loaded: Loaded?
  var scheduler = Scheduler()
  var requests: [SequenceID: Request] = [:]
  private var lastID: UInt64 = 0
  var preemption = PreemptionState()
  var totals = Totals()
  /// What loading blocks from stores has taken.
  var loading = PreemptionCosts()
  /// Whether blocks are loaded whatever it costs: tests.
  var loadsAlways = false
  /// Bytes of blocks that were loaded, or are being loaded, for work beside requests.
  var workBytes = 0
  /// The step whose choices are to be read next.
  var flight: Flight?
  var isRunning = false
  /// Whether steps are left to whoever calls `step`: tests.
  var isPaused = false
  /// Told of the logits that a request's token is chosen of, before anything changes them, and which of the answer's it is: tests.
  var watcher: ((_ id: SequenceID, _ index: Int, _ logits: ArraySlice<Float>) -> Void)?
  /// How long others wait for the blocks of a request whose token nobody asks for.
  let patience: Duration
  var isReminded = false
  /// Work that holds blocks between steps and is no request: one at a time.
  var line = TaskLine()
  private var lastNumber: UInt64 = 0

  init(patience: Duration = .seconds(2)) {
    thread = DeviceThread(name: "tessera")
    turnstile = DeviceThread.Turnstile(thread)
    self.patience = patience
  }

  /// Takes a model that is on its device.
  ///
  /// - Parameters:
  ///   - prefixes: names what sequences may share of each other; nil: they share nothing.
  ///   - tiers: where their blocks are kept besides the device.
  /// - Returns: the precision that it has there.
  func load(
    _ runner: ModelRunner, rules: TokenRules, tokenizer: Tokenizer?, prefixes: PrefixNames?,
    tiers: PrefixTiers? = nil, since start: ContinuousClock.Instant
  ) throws -> Precision {
    runner.cache.keepsJournal = tiers != nil
    if tiers != nil { try runner.prepareCopies() }
    var limits = Scheduler.Limits()
    limits.tokenBudget = runner.chunkSize
    limits.growth = runner.cache.layout.groups.map(\.blockSize).max() ?? limits.growth
    limits.contextLength = runner.contextLength
    scheduler = Scheduler(limits: limits)
    let endTokens = rules.ends.union(tokenizer?.endOfGenerationTokens ?? [])
    loaded = Loaded(
      runner: runner, sampler: try BatchSampler(runner), tokenizer: tokenizer,
      tokenMask: rules.mask(tokenCount: tokenizer?.vocabularyCount, vocabularySize: runner.profile.vocabularySize),
      endTokens: endTokens, rules: rules,
      constraints: ConstraintCache(tokenizer, vocabularySize: runner.profile.vocabularySize, endTokens: endTokens),
      prefixes: prefixes, tiers: tiers, seconds: (ContinuousClock.now - start).seconds)
    return runner.precision
  }

  /// Seconds that loading took.
  var loadSeconds: Double { loaded?.seconds ?? 0 }

  func model() throws(TesseraError) -> Loaded {
    guard let loaded else { throw TesseraError(.unsupportedFile, "the model is not loaded") }
    return loaded
  }

  // MARK: Requests

  /// Adds a request.
  ///
  /// - Throws: `TesseraError` for options, an empty prompt, or one that does not fit.
  func submit(_ prompt: [Int], source: [Int]? = nil, _ options: GenerationOptions) throws -> SequenceID {
    try options.check()
    let model = try model()
    let runner = model.runner
    guard !runner.isEncoder else { throw TesseraError.generatesNothing(runner.profile) }
    if model.tokenizer == nil, !options.stopStrings.isEmpty {
      throw TesseraError(
        .noTokenizer, "the model has no tokenizer, so texts (--stop) cannot end its answer: leave them out")
    }
    guard !prompt.isEmpty else { throw TesseraError(.emptyPrompt, "the prompt is empty: give at least one token") }
    guard prompt.count <= runner.contextLength else { throw contextFull(prompt.count, runner) }
    // What one request gets wrong must not reach the step that it shares with others.
    try runner.check(prompt, source: source)
    let adapter = try runner.adapter(named: options.adapter)
    let count = runner.profile.vocabularySize
    let row = try options.samplingRow(vocabularySize: count, tokens: model.tokenMask)
    let room = runner.contextLength - prompt.count + 1
    let forced = try model.rules.forced(
      options.firstTokens, behind: prompt, limit: min(options.maxTokens ?? room, room), vocabularySize: count)
    let progress = try options.constraint.map { try model.constraints.begin($0) }
    lastID += 1
    let id = SequenceID(rawValue: lastID)
    var request = Request(
      id, prompt: prompt, source: source, sequence: runner.cache.makeSequence(adapter: adapter), options: options,
      row: row, forced: forced, progress: progress, vocabularySize: count,
      chain: model.prefixes?.chain(adapter: adapter, salt: options.cacheSalt), tokenizer: model.tokenizer,
      loadSeconds: model.seconds)
    if options.maxTokens == 0 { request.finish(.length) }
    if progress?.isFinished == true { request.finish(.stop) }
    requests[id] = request
    if request.isFinished {
      settle(id)
    } else {
      scheduler.add(id, promptTokens: prompt.count, priority: options.priority, arrival: lastID)
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

  private func forget(_ id: SequenceID) {
    settle(id)
    requests[id] = nil
  }

  func fail(_ id: SequenceID, _ error: any Error) {
    // A request that has itself to blame has computed nothing wrong.
    if Self.isFault(error), let request = requests[id] { distrust(request.sequence, request.unproven) }
    requests[id]?.fail(error)
    settle(id)
  }

  /// Closes the sequence of a request that goes no further. Events that nobody has asked for yet hold no blocks.
  func settle(_ id: SequenceID) {
    scheduler.remove(id)
    dropFlight(of: id)
    guard let request = requests[id], !request.isSettled else { return }
    requests[id]?.isSettled = true
    touch(id)
    dropSwap(of: id)
    request.sequence.close()
    // Others may wait for the blocks.
    start()
  }

  func contextFull(_ count: Int, _ runner: ModelRunner) -> TesseraError {
    TesseraError(
      .contextFull,
      "\(count) tokens do not fit the context of \(runner.contextLength): shorten the prompt, or load with a longer "
        + "context (--context, the model was trained for \(runner.profile.contextLength))")
  }

  // MARK: Turns

  /// Lets all who wait for the engine go before: whoever asks is heard between two steps, and work beside requests and their steps take
  /// turns. No other thread has a part in it, as `Task.yield()` has, so that a busy machine prefers nobody.
  func letOthersGo() async { await turnstile.pass() }

  /// Waits until no other work of sequences of its own goes on; `endTurn` must follow.
  func takeTurn() async throws {
    guard !line.take() else { return }
    lastNumber += 1
    let number = lastNumber
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { line.wait(number, $0) }
    } onCancel: {
      Task { await self.leaveLine(number) }
    }
  }

  private func leaveLine(_ number: UInt64) { line.leave(number) }

  func endTurn() {
    line.end()
    // Requests may wait for the blocks.
    start()
  }
}
