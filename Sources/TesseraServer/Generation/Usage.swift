import Tessera
import TesseraJSON

/// What the answers of a request cost.
struct Usage: Sendable {
  var promptTokens = 0
  var cachedTokens = 0
  var generatedTokens = 0

  /// - Parameter choices: answers to each prompt, which is counted once.
  init(_ statistics: [GenerationStatistics], choices: Int) {
    for (index, item) in statistics.enumerated() {
      if index % max(1, choices) == 0 {
        promptTokens += item.promptTokens
        cachedTokens += item.cachedPromptTokens
      }
      generatedTokens += item.generatedTokens
    }
  }

  var document: JSONValue {
    [
      "prompt_tokens": .int(promptTokens), "completion_tokens": .int(generatedTokens),
      "total_tokens": .int(promptTokens + generatedTokens),
      "prompt_tokens_details": ["cached_tokens": .int(cachedTokens)],
    ]
  }
}

extension Usage {
  /// By the names of `/v1/responses`.
  ///
  /// - Parameter reasoningTokens: tokens of thoughts.
  func responseDocument(reasoningTokens: Int) -> JSONValue {
    [
      "input_tokens": .int(promptTokens), "input_tokens_details": ["cached_tokens": .int(cachedTokens)],
      "output_tokens": .int(generatedTokens), "output_tokens_details": ["reasoning_tokens": .int(reasoningTokens)],
      "total_tokens": .int(promptTokens + generatedTokens),
    ]
  }
}

extension GenerationStatistics {
  /// As llama-server tells them.
  var timings: JSONValue {
    let computed = max(0, promptTokens - cachedPromptTokens)
    func each(_ seconds: Double, _ count: Int) -> JSONValue { .double(count > 0 ? seconds * 1000 / Double(count) : 0) }
    return [
      "cache_n": .int(cachedPromptTokens), "prompt_n": .int(computed), "prompt_ms": .double(promptSeconds * 1000),
      "prompt_per_token_ms": each(promptSeconds, computed), "prompt_per_second": .double(promptTokensPerSecond),
      "predicted_n": .int(generatedTokens), "predicted_ms": .double(generationSeconds * 1000),
      "predicted_per_token_ms": each(generationSeconds, generatedTokens),
      "predicted_per_second": .double(generationTokensPerSecond),
    ]
  }
}
