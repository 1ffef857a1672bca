import Foundation
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraText

/// A generation in the engine, between two of its steps.
struct Request {
  let id: SequenceID
  private(set) var sequence: KVSequence
  /// Of an encoder-decoder; it is read when the request is admitted.
  let source: [Int]?
  let options: GenerationOptions
  /// How tokens are chosen, but for what depends on those before them.
  private let row: SamplingRow
  private let forced: ForcedTokens
  /// How far the answer has come in the grammar that it is held to.
  private var progress: GrammarProgress?
  private let vocabularySize: Int
  /// The sequence's blocks where they were copied to host memory, until it goes on.
  var swap: KVSwap?
  /// What stores have of it.
  var fetch = PrefixFetch.unknown
  /// Names of blocks that it put into stores or has from there, behind which no choice was seen to be finite yet.
  var unproven: [KVBlockKey] = []
  /// Names of the sequence's blocks; nil where it shares none.
  private(set) var chain: KVKeyChain?
  let seed: UInt64
  let promptCount: Int
  /// Tokens of the prompt and of the answer so far.
  private(set) var tokens: [Int]
  private var occurrences: Occurrences
  /// Nil where there is no tokenizer: the answer has tokens and no text.
  private let tokenizer: Tokenizer?
  private var detokenizer: StreamingDetokenizer?
  private var stops: StopStringMatcher
  private var statistics = GenerationStatistics()
  private let start = ContinuousClock.now
  private var firstToken: ContinuousClock.Instant?
  private var hadTurn = false
  /// When it first had its turn.
  private var queueEnd: ContinuousClock.Instant?
  private(set) var isFinished = false

  /// Events that nobody has asked for yet: at most a token, two where steps run ahead of what the host knows, and the end.
  private var events: [GenerationEvent] = []
  private var failure: (any Error)?
  /// Who waits for the next event.
  private var waiter: CheckedContinuation<GenerationEvent?, any Error>?
  /// A token that was sampled, which the model sees once the one before was asked for.
  var heldSince: ContinuousClock.Instant?
  /// Whether it was held for so long that others got its blocks.
  var isParked = false
  /// Whether its sequence is somebody else's, or closed.
  var isSettled = false

  /// - Parameters:
  ///   - sequence: an empty one.
  ///   - row: how tokens are chosen, by `options`.
  ///   - forced: the answer's tokens that are not chosen.
  ///   - progress: the beginning of the grammar that the answer is held to.
  ///   - chain: without tokens; nil where the sequence shares no blocks.
  init(
    _ id: SequenceID, prompt: [Int], source: [Int]?, sequence: KVSequence, options: GenerationOptions,
    row: SamplingRow, forced: ForcedTokens, progress: GrammarProgress? = nil, vocabularySize: Int, chain: KVKeyChain?,
    tokenizer: Tokenizer?, loadSeconds: Double
  ) {
    (self.id, self.sequence, self.source, self.options) = (id, sequence, source, options)
    (self.row, self.forced, self.vocabularySize, self.chain) = (row, forced, vocabularySize, chain)
    (self.progress, self.tokenizer) = (progress, tokenizer)
    seed = options.seed ?? .random(in: .min ... .max)
    tokens = prompt
    promptCount = prompt.count
    occurrences = Occurrences(prompt, window: options.repeatWindow)
    detokenizer = tokenizer.map { StreamingDetokenizer($0, beginsText: source != nil && prompt.count == 1) }
    stops = StopStringMatcher(options.stopStrings)
    statistics.promptTokens = prompt.count
    statistics.loadSeconds = loadSeconds
    self.chain?.append(prompt)
  }

  /// Whether its source is still to be read.
  var needsSource: Bool { source != nil && sequence.filledRows == 0 }

  /// Gives its blocks back; all that is known goes on in an empty sequence.
  ///
  /// - Parameter swap: what of them is in host memory.
  mutating func restart(_ empty: KVSequence, swap: KVSwap?) {
    sequence.close()
    (sequence, self.swap, fetch) = (empty, swap, .unknown)
  }

  // MARK: Sharing

  /// Names of the blocks that may come from the cache: the last token is always computed.
  var shareableNames: [KVBlockKey] {
    guard let chain else { return [] }
    let count = (tokens.count - 1) / chain.blockSize
    return chain.names.count <= count ? chain.names : Array(chain.names.prefix(count))
  }

  /// Begins the sequence with what the cache has of it.
  ///
  /// - Returns: the tokens that need not be computed
  mutating func attach() throws -> Int {
    guard let chain else {
      didCache(0, host: 0, disk: 0)
      return 0
    }
    sequence.name(chain.names)
    let count = try sequence.attach(most: tokens.count - 1)
    didCache(count, host: 0, disk: 0)
    return count
  }

  /// The statistics where it has its turn for the first time.
  mutating func takeFirstTurn() -> GenerationStatistics? {
    guard !hadTurn else { return nil }
    hadTurn = true
    return statistics
  }

  /// Takes note of the tokens that the cache had, and of those of them that came from the stores.
  mutating func didCache(_ count: Int, host: Int, disk: Int) {
    if queueEnd == nil { queueEnd = .now }
    guard firstToken == nil else { return }
    statistics.cachedPromptTokens = count
    (statistics.cachedHostTokens, statistics.cachedDiskTokens) = (host, disk)
  }

  /// Begins the sequence with what was copied to host memory.
  func swapIn(on runner: ModelRunner) throws {
    guard let swap else { return }
    if let chain { sequence.name(chain.names) }
    try runner.swapIn(swap, to: sequence)
  }

  // MARK: Sampling

  /// How the token behind the last one is chosen, or one farther on.
  ///
  /// - Parameter tokensAhead: tokens behind the last one that are not known yet.
  /// - Throws: `TesseraError`, `GrammarError` where the answer's grammar leaves no token.
  func samplingRow(ahead tokensAhead: Int = 0) throws -> SamplingRow {
    let index = tokens.count - promptCount + tokensAhead
    let forcedToken = forced.tokens[index]
    var row = forcedToken.map { SamplingRow(only: $0, vocabularySize: vocabularySize) } ?? row
    if let progress, !isOutsideGrammar(forcedToken) { try row.hold(to: progress, forced: forcedToken) }
    if options.hasPenalty {
      row.occurrences = occurrences.list(all: options.presencePenalty != 0 || options.frequencyPenalty != 0)
    }
    (row.seed, row.position) = (seed, UInt64(tokens.count + tokensAhead))
    return row
  }

  /// Whether a token is no part of the text that the grammar is of: one that steers the model, where it is not chosen.
  private func isOutsideGrammar(_ forced: Int?) -> Bool { forced.map { tokenizer?.isControl($0) ?? true } ?? false }

  /// Whether the step behind a token that was sampled, and is not known yet, can run: whatever the token is, if it is no end, the
  /// generation goes on, nothing of the choice behind it depends on it, and the consumer has taken all tokens before.
  func canRunAhead(contextLength: Int) -> Bool {
    let isLast = options.maxTokens.map { statistics.generatedTokens + 1 >= $0 } ?? false
    // Penalties, and what a grammar allows, depend on the token.
    let isFree = !options.hasPenalty && progress == nil
    return !isFinished && isDrained && !isLast && isFree && tokens.count + 1 <= contextLength
  }

  /// Takes a sampled token, as it was chosen: its event, and the end if it is one.
  ///
  /// - Parameter contextLength: tokens that a prompt and its answer may have together.
  mutating func append(
    _ token: Int, of choice: TokenSampler.Choice, isEnd: Bool, contextLength: Int, peakDeviceBytes: Int
  ) throws {
    if firstToken == nil { firstToken = .now }
    statistics.peakDeviceBytes = peakDeviceBytes
    tokens.append(token)
    if chain?.append(token) == true, let chain {
      sequence.name(chain.names.suffix(1), from: chain.names.count - 1)
    }
    occurrences.append(token)
    let index = tokens.count - promptCount - 1
    if isEnd { return finish(forced.endIndex == statistics.generatedTokens ? .length : .stop) }
    if !isOutsideGrammar(forced.tokens[index]) { try progress?.append(token) }
    statistics.generatedTokens += 1
    // A control token is no text: what is held back stands before it, and no stop string reaches over it.
    let held = tokenizer?.isControl(token) == true ? stops.finish() : ""
    let (text, isStopped) = stops.append(try detokenizer?.append(token) ?? "")
    deliver(
      .token(
        GeneratedToken(
          id: token, text: held + text, logprob: choice.logProbability,
          topLogprobs: choice.topTokens.map { TokenLogprob(id: $0.id, logprob: $0.logProbability) })))
    if isStopped || progress?.isFinished == true { return finish(.stop) }
    if let limit = options.maxTokens, statistics.generatedTokens >= limit { return finish(.length) }
    // The token itself fits, but nothing behind it.
    if tokens.count > contextLength { finish(.length) }
  }

  /// Ends the generation.
  mutating func finish(_ reason: FinishReason) {
    guard !isFinished else { return }
    isFinished = true
    statistics.queuedSeconds = ((queueEnd ?? .now) - start).seconds
    statistics.finish(since: start, firstToken: firstToken)
    let rest = stops.append(detokenizer?.finish() ?? "")
    // Whoever cancels asks for no more tokens.
    var unread = ""
    if reason == .cancelled {
      for case .token(let token) in events { unread += token.text }
      events.removeAll()
    }
    let trailing = unread + rest.text + (rest.isStopped ? "" : stops.finish())
    deliver(.finished(GenerationResult(finishReason: reason, trailingText: trailing, statistics: statistics)))
  }

  /// Ends the generation with an error, which the next who asks gets.
  mutating func fail(_ error: any Error) {
    guard !isFinished else { return }
    isFinished = true
    if let waiter {
      self.waiter = nil
      waiter.resume(throwing: error)
    } else {
      failure = error
    }
  }

  // MARK: Events

  /// Whether the consumer has taken all that was made, so that more may be.
  var isDrained: Bool { events.isEmpty }

  private mutating func deliver(_ event: GenerationEvent) {
    if let waiter, events.isEmpty {
      self.waiter = nil
      waiter.resume(returning: event)
    } else {
      events.append(event)
    }
  }

  /// The next event if it is there; nil where it has to be waited for.
  mutating func take() throws -> GenerationEvent?? {
    if !events.isEmpty { return .some(events.removeFirst()) }
    if let failure {
      self.failure = nil
      throw failure
    }
    return isFinished ? .some(nil) : nil
  }

  /// Waits for the next event; who waited before gets nothing.
  mutating func wait(_ continuation: CheckedContinuation<GenerationEvent?, any Error>) {
    waiter?.resume(returning: nil)
    waiter = continuation
  }
}

/// How often tokens occur among the last ones, for penalties.
private struct Occurrences {
  private let window: Int
  private var recent: [Int]
  /// Of generated tokens.
  private var counts: [Int: Int] = [:]

  init(_ prompt: [Int], window: Int) {
    self.window = window
    recent = Array(prompt.suffix(window))
  }

  mutating func append(_ token: Int) {
    recent.append(token)
    if recent.count > window { recent.removeFirst(recent.count - window) }
    counts[token, default: 0] += 1
  }

  /// - Parameter all: also generated tokens that are not among the last ones.
  func list(all: Bool) -> [SamplingRow.Occurrence] {
    let near = Set(recent)
    let ids = all ? near.union(counts.keys) : near
    return ids.sorted().map { .init(id: $0, count: counts[$0] ?? 0, isRecent: near.contains($0)) }
  }
}

extension GenerationOptions {
  /// How a token is chosen, but for what depends on those before it.
  ///
  /// - Parameter tokens: a mask of those that are there, where logits have more columns; nil: all are.
  /// - Throws: `TesseraError`, `OperatorError` for lists that do not fit the vocabulary, or leave no token.
  func samplingRow(vocabularySize: Int, tokens: [UInt32]?) throws -> SamplingRow {
    var row = samplingRow
    _ = try SamplingRequest([row], vocabularySize: vocabularySize)
    if let tokens { row.allowed = row.allowed.map { zip($0, tokens).map { $0 & $1 } } ?? tokens }
    let banned = Set(row.bias.lazy.filter { $0.value == -.infinity }.map(\.id))
    guard
      (0..<vocabularySize).contains(where: { id in
        !banned.contains(id) && row.allowed.map { $0[id / 32] >> UInt32(id % 32) & 1 == 1 } ?? true
      })
    else { throw TesseraError(.badOption, "allowedTokens and logitBias leave no token that could be generated") }
    return row
  }

  private var samplingRow: SamplingRow {
    var row = SamplingRow()
    row.temperature = temperature
    (row.topK, row.topP, row.minP) = (topK, topP, minP)
    row.repetitionPenalty = repeatPenalty
    row.presencePenalty = presencePenalty
    row.frequencyPenalty = frequencyPenalty
    row.bias = logitBias.map { .init(id: $0.key, value: $0.value) }.sorted { $0.id < $1.id }
    row.allowed = allowedTokens
    row.topTokens = topLogprobs
    return row
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
