import Foundation
import TesseraMemory
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
  private let vocabularySize: Int
  /// The conversation that keeps the sequence when the request ends; nil: nobody.
  var keeper: UUID?
  let seed: UInt64
  let promptCount: Int
  /// Tokens of the prompt and of the answer so far.
  private(set) var tokens: [Int]
  private var occurrences: Occurrences
  /// Nil where there is no tokenizer: the answer has tokens and no text.
  private var detokenizer: StreamingDetokenizer?
  private var stops: StopStringMatcher
  private var statistics = GenerationStatistics()
  private let start = ContinuousClock.now
  private var firstToken: ContinuousClock.Instant?
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
  ///   - sequence: with the first tokens of the prompt, if the cache has them.
  ///   - row: how tokens are chosen, by `options`.
  ///   - forced: the answer's tokens that are not chosen.
  init(
    _ id: SequenceID, prompt: [Int], source: [Int]?, sequence: KVSequence, options: GenerationOptions,
    row: SamplingRow, forced: ForcedTokens, vocabularySize: Int, keeper: UUID?, tokenizer: Tokenizer?,
    loadSeconds: Double
  ) {
    (self.id, self.sequence, self.source, self.options) = (id, sequence, source, options)
    (self.row, self.forced, self.vocabularySize, self.keeper) = (row, forced, vocabularySize, keeper)
    seed = options.seed ?? .random(in: .min ... .max)
    tokens = prompt
    promptCount = prompt.count
    occurrences = Occurrences(prompt, window: options.repeatWindow)
    detokenizer = tokenizer.map { StreamingDetokenizer($0, beginsText: source != nil && prompt.count == 1) }
    stops = StopStringMatcher(options.stopStrings)
    statistics.promptTokens = prompt.count
    statistics.cachedPromptTokens = sequence.tokenCount
    statistics.loadSeconds = loadSeconds
  }

  /// Whether its source is still to be read.
  var needsSource: Bool { source != nil && sequence.filledRows == 0 }

  /// Gives its blocks back; all that is known is run anew, in an empty sequence.
  mutating func restart(_ empty: KVSequence) {
    sequence.close()
    sequence = empty
    if firstToken == nil { statistics.cachedPromptTokens = 0 }
  }

  // MARK: Sampling

  /// How the token behind the last one is chosen, or one farther on.
  ///
  /// - Parameter tokensAhead: tokens behind the last one that are not known yet.
  func samplingRow(ahead tokensAhead: Int = 0) -> SamplingRow {
    let index = tokens.count - promptCount + tokensAhead
    var row = forced.tokens[index].map { SamplingRow(only: $0, vocabularySize: vocabularySize) } ?? row
    if options.hasPenalty {
      row.occurrences = occurrences.list(all: options.presencePenalty != 0 || options.frequencyPenalty != 0)
    }
    (row.seed, row.position) = (seed, UInt64(tokens.count + tokensAhead))
    return row
  }

  /// Whether the step behind a token that was sampled, and is not known yet, can run: whatever the token is, if it is no end, the
  /// generation goes on, nothing of the choice behind it depends on it, and the consumer has taken all tokens before.
  func canRunAhead(contextLength: Int) -> Bool {
    let isLast = options.maxTokens.map { statistics.generatedTokens + 1 >= $0 } ?? false
    return !isFinished && isDrained && !isLast && !options.hasPenalty && tokens.count + 1 <= contextLength
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
    occurrences.append(token)
    if isEnd { return finish(forced.endIndex == statistics.generatedTokens ? .length : .stop) }
    statistics.generatedTokens += 1
    let (text, isStopped) = stops.append(try detokenizer?.append(token) ?? "")
    deliver(
      .token(
        GeneratedToken(
          id: token, text: text, logprob: choice.logProbability,
          topLogprobs: choice.topTokens.map { TokenLogprob(id: $0.id, logprob: $0.logProbability) })))
    if isStopped { return finish(.stop) }
    if let limit = options.maxTokens, statistics.generatedTokens >= limit { return finish(.length) }
    // The token itself fits, but nothing behind it.
    if tokens.count > contextLength { finish(.length) }
  }

  /// Ends the generation.
  mutating func finish(_ reason: FinishReason) {
    guard !isFinished else { return }
    isFinished = true
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
