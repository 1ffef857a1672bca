/// An event of a generation.
public enum GenerationEvent: Sendable {
  /// A token of the answer.
  case token(GeneratedToken)
  /// The end; the last event.
  case finished(GenerationResult)
}

/// A token that was generated.
public struct GeneratedToken: Sendable, Equatable {
  public var id: Int
  /// The text that is complete with it: a character split over tokens, or what may become a stop string, comes with a later one.
  public var text: String
  /// The logarithm of the token's probability, if `GenerationOptions.topLogprobs` asked for it.
  public var logprob: Float?
  /// The likeliest tokens in its place, the likeliest first.
  public var topLogprobs: [TokenLogprob] = []
}

/// A token and the logarithm of its probability.
public struct TokenLogprob: Sendable, Equatable {
  public var id: Int
  public var logprob: Float
}

/// Why a generation ended.
public enum FinishReason: String, Sendable, Codable {
  /// The model ended its answer, or a stop string appeared.
  case stop
  /// The number of tokens was reached, or the end of the context.
  case length
  /// The task was canceled.
  case cancelled
}

/// A finished generation.
public struct GenerationResult: Sendable {
  public var finishReason: FinishReason
  /// Text that was held back until the end was known; it follows the tokens' texts.
  public var trailingText: String
  public var statistics: GenerationStatistics
}

/// How long a generation took, and how much memory.
public struct GenerationStatistics: Sendable, Codable, Equatable {
  public var loadSeconds = 0.0
  /// Tokens of the prompt, those that the cache already held included.
  public var promptTokens = 0
  /// Tokens of the prompt that the cache already held.
  public var cachedPromptTokens = 0
  /// Of these, those that came from host memory, and those from the disk; the others were on the device.
  public var cachedHostTokens = 0
  public var cachedDiskTokens = 0
  /// Seconds from the request to its turn.
  public var queuedSeconds = 0.0
  /// Seconds from the request to the first token.
  public var promptSeconds = 0.0
  public var promptTokensPerSecond = 0.0
  public var generatedTokens = 0
  public var generationSeconds = 0.0
  public var generationTokensPerSecond = 0.0
  public var timeToFirstTokenSeconds = 0.0
  /// The most device memory that was in use, in bytes.
  public var peakDeviceBytes = 0
  /// The most memory that the process had resident, in bytes; on a CPU device that includes the device's.
  public var peakResidentBytes = 0

  enum CodingKeys: String, CodingKey {
    case loadSeconds = "load_seconds"
    case promptTokens = "prompt_tokens"
    case cachedPromptTokens = "cached_prompt_tokens"
    case cachedHostTokens = "cached_host_tokens"
    case cachedDiskTokens = "cached_disk_tokens"
    case queuedSeconds = "queued_seconds"
    case promptSeconds = "prompt_seconds"
    case promptTokensPerSecond = "prompt_tokens_per_second"
    case generatedTokens = "generated_tokens"
    case generationSeconds = "generation_seconds"
    case generationTokensPerSecond = "generation_tokens_per_second"
    case timeToFirstTokenSeconds = "time_to_first_token_seconds"
    case peakDeviceBytes = "peak_device_bytes"
    case peakResidentBytes = "peak_resident_bytes"
  }

  /// Takes the times of a generation that ends now.
  ///
  /// - Parameter firstToken: when its first token was there; nil: it has none.
  mutating func finish(since start: ContinuousClock.Instant, firstToken: ContinuousClock.Instant?) {
    let end = ContinuousClock.now
    let first = firstToken ?? end
    promptSeconds = (first - start).seconds
    timeToFirstTokenSeconds = promptSeconds
    generationSeconds = (end - first).seconds
    promptTokensPerSecond = Double(promptTokens - cachedPromptTokens) / max(promptSeconds, 1e-9)
    // The first token comes with the prompt.
    generationTokensPerSecond = Double(max(0, generatedTokens - 1)) / max(generationSeconds, 1e-9)
    peakResidentBytes = ProcessMemory.peakResidentBytes
  }
}
