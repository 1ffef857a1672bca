import Tessera
import TesseraJSON

/// The events of one answer, each computed when it is asked for.
actor AnswerSource {
  private let request: GenerationRequest
  private let number: Int
  private var iterator: GenerationStream.Iterator
  private var first: GenerationEvent?
  /// What has come, as it can be compared with another answer.
  private var told = Reproduction.Answer()

  /// - Parameter number: of the answer among the request's.
  init(_ request: GenerationRequest, _ number: Int) {
    (self.request, self.number) = (request, number)
    let prompt = request.prompt(ofAnswer: number)
    iterator = request.language.generate(
      tokens: prompt.tokens, source: prompt.source, options: request.options(ofAnswer: number)
    ).makeAsyncIterator()
  }

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
    if let event { told.add(event) }
    return event
  }

  /// The whole answer.
  func answer() async throws -> Answer {
    var answer = Answer()
    while let event = try await next() { answer.append(event) }
    answer.reproduction = try await reproduction()
    return answer
  }

  /// What reproduces the answer once it has ended, if the request asks for it.
  func reproduction() async throws -> JSONValue? { try await request.reproduction(ofAnswer: number, told) }
}

/// An answer, as far as it has come.
struct Answer: Sendable {
  var text = ""
  var tokens: [GeneratedToken] = []
  var result: GenerationResult?
  /// What reproduces it, if the request asks for that.
  var reproduction: JSONValue?

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

  /// As they came.
  var events: [GenerationEvent] { tokens.map(GenerationEvent.token) + (result.map { [.finished($0)] } ?? []) }
  var finishReason: FinishReason { result?.finishReason ?? .stop }
  var statistics: GenerationStatistics? { result?.statistics }
  /// The logarithm of its probability, if its tokens have theirs.
  var logprob: Double { tokens.reduce(0) { $0 + Double($1.logprob ?? 0) } }
}
