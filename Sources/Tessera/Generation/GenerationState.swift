import TesseraMemory
import TesseraText

/// A generation between two tokens.
struct GenerationState: Sendable {
  let sequence: KVSequence
  let options: GenerationOptions
  /// Tokens of the prompt and of the answer so far; the cache holds all but `pending`.
  var tokens: [Int]
  /// Tokens that the model has not seen.
  var pending: [Int]
  var sampler: Sampler
  var detokenizer: StreamingDetokenizer
  var stops: StopStringMatcher
  var statistics = GenerationStatistics()
  let start = ContinuousClock.now
  var firstToken: ContinuousClock.Instant?
  /// A stop string has appeared.
  var isStopped = false
  var isFinished = false

  /// - Parameter sequence: holds the first tokens of `prompt` already, but not all.
  init(prompt: [Int], sequence: KVSequence, options: GenerationOptions, tokenizer: Tokenizer) {
    self.sequence = sequence
    self.options = options
    tokens = prompt
    let cached = sequence.tokenCount
    pending = Array(prompt.dropFirst(cached))
    sampler = Sampler(options)
    detokenizer = StreamingDetokenizer(tokenizer)
    stops = StopStringMatcher(options.stopStrings)
    statistics.promptTokens = prompt.count
    statistics.cachedPromptTokens = cached
  }

  /// Token ids, each once, that the repetition penalty lowers.
  var penalised: [Int] {
    guard options.repeatPenalty != 1 else { return [] }
    return Array(Set(tokens.suffix(options.repeatWindow))).sorted()
  }

  /// The end, with the times until now.
  mutating func finish(_ reason: FinishReason, trailingText: String) -> GenerationResult {
    isFinished = true
    let end = ContinuousClock.now
    let first = firstToken ?? end
    statistics.promptSeconds = (first - start).seconds
    statistics.timeToFirstTokenSeconds = statistics.promptSeconds
    statistics.generationSeconds = (end - first).seconds
    let computed = statistics.promptTokens - statistics.cachedPromptTokens
    statistics.promptTokensPerSecond = Double(computed) / max(statistics.promptSeconds, 1e-9)
    // The first token comes with the prompt.
    statistics.generationTokensPerSecond =
      Double(max(0, statistics.generatedTokens - 1)) / max(statistics.generationSeconds, 1e-9)
    statistics.peakResidentBytes = ProcessMemory.peakResidentBytes
    return GenerationResult(finishReason: reason, trailingText: trailingText, statistics: statistics)
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
