import Tessera
import TesseraJSON

extension API {
  /// The answers of a request, prompt by prompt, each begun.
  ///
  /// - Throws: `APIError` for what the model cannot do, 429 where too many answers run or wait.
  func begin(_ request: GenerationRequest) async throws -> StartedAnswers {
    let ticket = try admission.admit(request.answerCount)
    if request.reproduces { try await request.checkReproduction() }
    let sources = (0..<request.answerCount).map { AnswerSource(request, $0) }
    do { try await sources.first?.begin() } catch { throw refusal(error, param: request.param) }
    return StartedAnswers(sources: sources, ticket: ticket)
  }

  /// All answers of a request.
  func answers(_ request: GenerationRequest) async throws -> [Answer] {
    let started = try await begin(request)
    do {
      let answers = try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
        for (index, source) in started.sources.enumerated() {
          group.addTask { (index, try await source.answer()) }
        }
        var answers = [Answer](repeating: Answer(), count: started.sources.count)
        for try await (index, answer) in group { answers[index] = answer }
        return answers
      }
      for answer in answers { metrics.finish(answer.result, model: request.model.name) }
      return answers
    } catch {
      throw refusal(error, param: request.param)
    }
  }

  /// Sends events. The status has been sent: what fails meanwhile is an event, too.
  ///
  /// - Parameters:
  ///   - param: the field that the prompts come from.
  ///   - failed: sends that event.
  func streaming(
    param: String, _ events: () async throws -> Void, failed: (APIError) async throws -> Void
  ) async throws {
    do { try await events() } catch {
      guard let refusal = refusal(error, param: param) as? APIError else { throw error }
      try await failed(refusal)
    }
  }

  /// A stream of documents, the last of which may be an error's.
  func stream(param: String, _ events: @escaping @Sendable (any EventWriter) async throws -> Void) -> Reply {
    Reply { [self] writer in
      try await streaming(param: param) {
        try await events(writer)
      } failed: {
        try await writer.send($0.document)
      }
      try await writer.sendDone()
    }
  }

  /// What a client is told of an error; one that is the server's own is noted.
  func refusal(_ error: any Error, param: String) -> any Error {
    if error is CancellationError { return error }
    let refusal = APIError.of(error, param: param)
    if refusal.status >= 500 { logger.error("\(error)") }
    return refusal
  }
}

/// Answers that have begun, and the room that they take.
struct StartedAnswers: Sendable {
  let sources: [AnswerSource]
  let ticket: Admission.Ticket

  /// Gives events to `body` as they come, those of several answers mixed, the end with what reproduces the answer; waits as long
  /// as `body` does.
  func forEach(_ body: @escaping @Sendable (Int, GenerationEvent, JSONValue?) async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, source) in sources.enumerated() {
        group.addTask {
          while let event = try await source.next() {
            guard case .finished = event else {
              try await body(index, event, Optional.none)
              continue
            }
            let reproduction = try await source.reproduction()
            try await body(index, event, reproduction)
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
