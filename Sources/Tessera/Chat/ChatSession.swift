import Synchronization
import TesseraText

/// A conversation with a model. What was said stays in the KV cache as long as there is room, in whole blocks of 64 tokens, so that
/// each turn only computes what is new.
///
///     let chat = ChatSession(model, instructions: "You are terse.")
///     for try await piece in chat.streamResponse(to: "What is gravity?") { print(piece, terminator: "") }
public actor ChatSession {
  public nonisolated let model: LanguageModel
  public nonisolated let options: GenerationOptions
  /// The conversation so far: the instructions as the system's message, then users and assistant in turn.
  public private(set) var messages: [ChatMessage]
  /// How the last answer ended, once it has.
  public private(set) var lastResult: GenerationResult?

  private let instructions: [ChatMessage]
  private var turn: Turn?
  /// Numbers turns and resets, so that a turn knows whether it still is the last.
  private var turnCount = 0

  private struct Turn {
    let id: Int
    let request: RequestHandle
    var answer = ""
  }

  /// - Parameters:
  ///   - model: may serve other conversations too.
  ///   - instructions: what the system tells the model before all turns.
  ///   - messages: the turns of a conversation that goes on.
  ///   - options: how every answer is generated.
  public init(
    _ model: LanguageModel, instructions: String? = nil, messages: [ChatMessage] = [],
    options: GenerationOptions = GenerationOptions()
  ) {
    self.model = model
    self.options = options
    self.instructions = instructions.map { [ChatMessage(role: "system", content: $0)] } ?? []
    self.messages = self.instructions + messages
  }

  /// The whole answer to a message.
  ///
  /// - Throws: `TesseraError.noChatTemplate` if the model has no template, `TesseraError.contextFull` with the numbers,
  ///   `ChatError` if the template refuses the conversation, `CancellationError` when the task is canceled, or when
  ///   another turn or a reset comes before the answer has begun.
  public func respond(to message: String) async throws -> String {
    var answer = ""
    for try await piece in streamResponse(to: message) { answer += piece }
    if lastResult?.finishReason == .cancelled { throw CancellationError() }
    return answer
  }

  /// The answer to a message, piece by piece. Whoever stops asking for pieces stops the work; the answer so far stays in
  /// the conversation.
  ///
  /// Iterating the stream sends the message: a second iteration throws `TesseraError.alreadySent`.
  public nonisolated func streamResponse(to message: String) -> ResponseStream {
    ResponseStream(self, message)
  }

  /// Forgets what was said, but not the instructions.
  public func reset() async {
    closeTurn()
    turnCount += 1
    messages = instructions
  }

  // MARK: One turn

  func begin(_ message: String, _ options: GenerationOptions) async throws -> Int {
    closeTurn()
    turnCount += 1
    let id = turnCount
    guard let template = try model.chatTemplate else {
      throw TesseraError(
        .noChatTemplate, "the model has no chat template: complete a text instead (--raw, LanguageModel.generate)")
    }
    let conversation = messages + [ChatMessage(role: "user", content: message)]
    let stream = GenerationStream(model: model, options: options) { [model] in
      (try model.prompt(of: conversation, with: template), nil)
    }
    let request = try await RequestHandle(stream)
    // Another turn, or a reset, may have come meanwhile.
    guard id == turnCount else { throw CancellationError() }
    messages = conversation
    turn = Turn(id: id, request: request)
    return id
  }

  /// The next piece of a turn's answer; nil at its end, and once another turn has begun.
  func next(of id: Int) async throws -> String? {
    switch try await nextEvent(of: id) {
    case .token(let token)?: token.text
    case .finished(let result)?: result.trailingText.isEmpty ? nil : result.trailingText
    case nil: nil
    }
  }

  /// The next event of a turn; nil behind its last, and once another turn has begun.
  func nextEvent(of id: Int) async throws -> GenerationEvent? {
    guard let request = turn?.request, turn?.id == id else { return nil }
    let event: GenerationEvent?
    do { event = try await request.next() } catch {
      // Nothing of the answer is there: neither is the question.
      if turn?.id == id, turn?.answer.isEmpty == true {
        turn = nil
        messages.removeLast()
      } else if turn?.id == id {
        closeTurn()
      }
      throw error
    }
    guard turn?.id == id else { return nil }
    switch event {
    case .token(let token)?: turn?.answer += token.text
    case .finished(let result)?:
      turn?.answer += result.trailingText
      lastResult = result
      closeTurn()
    case nil: closeTurn()
    }
    return event
  }

  /// Keeps the answer as far as it came.
  private func closeTurn() {
    guard let closed = turn else { return }
    turn = nil
    messages.append(ChatMessage(role: "assistant", content: closed.answer))
  }
}

/// The pieces of an answer, each computed when it is asked for.
public struct ResponseStream: AsyncSequence, Sendable {
  let session: ChatSession
  let message: String
  private let sent = Sent()

  init(_ session: ChatSession, _ message: String) { (self.session, self.message) = (session, message) }

  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  /// Whether the message was sent.
  private final class Sent: Sendable {
    private let isSent = Mutex(false)

    /// Whether it is sent now, for the first time.
    func send() -> Bool {
      isSent.withLock { value in
        defer { value = true }
        return !value
      }
    }
  }

  /// - Throws: `TesseraError.alreadySent` the second time.
  fileprivate func begin() async throws -> Int {
    guard sent.send() else {
      throw TesseraError(.alreadySent, "the answer was asked for already: each iteration of it would send the message")
    }
    return try await session.begin(message, session.options)
  }

  public struct Iterator: AsyncIteratorProtocol {
    let stream: ResponseStream
    private var isBegun = false
    private var turn: Int?

    init(stream: ResponseStream) { self.stream = stream }

    public mutating func next() async throws -> String? {
      if !isBegun {
        isBegun = true
        turn = try await stream.begin()
      }
      guard let turn else { return nil }
      // A token may complete no character.
      while let piece = try await stream.session.next(of: turn) {
        if !piece.isEmpty { return piece }
      }
      return nil
    }
  }
}
