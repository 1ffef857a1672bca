@testable import Tessera

/// All that a generation yields.
struct GenerationRun: Sendable {
  var tokens: [Int] = []
  var logprobs: [Float?] = []
  var topLogprobs: [[TokenLogprob]] = []
  var text = ""
  var result: GenerationResult?

  init() {}

  init(_ stream: GenerationStream) async throws {
    for try await event in stream { add(event) }
  }

  mutating func add(_ event: GenerationEvent) {
    switch event {
    case .token(let token):
      tokens.append(token.id)
      logprobs.append(token.logprob)
      topLogprobs.append(token.topLogprobs)
      text += token.text
    case .finished(let result):
      text += result.trailingText
      self.result = result
    }
  }
}

extension LanguageModel {
  /// Generates 16 tokens, or as `configure` says.
  nonisolated func run(
    _ prompt: [Int], _ configure: (inout GenerationOptions) -> Void = { _ in }
  ) async throws -> GenerationRun {
    var options = GenerationOptions()
    options.maxTokens = 16
    configure(&options)
    return try await GenerationRun(generate(tokens: prompt, options: options))
  }
}
