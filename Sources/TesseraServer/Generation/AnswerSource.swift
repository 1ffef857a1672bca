import Tessera

/// The events of one answer, each computed when it is asked for.
actor AnswerSource {
  private var iterator: GenerationStream.Iterator
  private var first: GenerationEvent?

  init(_ stream: GenerationStream) { iterator = stream.makeAsyncIterator() }

  /// Waits for the first event: what is wrong with a request is known by then.
  func begin() async throws {
    if first == nil { first = try await next() }
  }

  /// The next event; nil behind the last.
  ///
  /// - Throws: `CancellationError` once the task is canceled.
  func next() async throws -> GenerationEvent? {
    if let event = first {
      first = nil
      return event
    }
    var iterator = self.iterator
    let event = try await iterator.next()
    self.iterator = iterator
    if case .finished(let result)? = event, result.finishReason == .cancelled { throw CancellationError() }
    return event
  }

  /// The whole answer.
  func answer() async throws -> Answer {
    var answer = Answer()
    while let event = try await next() { answer.append(event) }
    return answer
  }
}

/// An answer, as far as it has come.
struct Answer: Sendable {
  var text = ""
  var tokens: [GeneratedToken] = []
  var result: GenerationResult?

  mutating func append(_ event: GenerationEvent) {
    switch event {
    case .token(let token):
      tokens.append(token)
      text += token.text
    case .finished(let result):
      text += result.trailingText
      self.result = result
    }
  }

  var finishReason: FinishReason { result?.finishReason ?? .stop }
  var statistics: GenerationStatistics? { result?.statistics }
  /// The logarithm of its probability, if its tokens have theirs.
  var logprob: Double { tokens.reduce(0) { $0 + Double($1.logprob ?? 0) } }
}
