import TesseraMemory
import TesseraText

/// A conversation with a model. What was said stays in the KV cache, so that each turn only computes what is new.
///
///     let chat = ChatSession(model, instructions: "You are terse.")
///     for try await piece in chat.streamResponse(to: "What is gravity?") { print(piece, terminator: "") }
public actor ChatSession {
  public nonisolated let model: LanguageModel
  public nonisolated let options: GenerationOptions
  /// What was said so far: the instructions as the system's message, then users and assistant in turn.
  public private(set) var messages: [ChatMessage]
  /// How the last answer ended, once it has.
  public private(set) var lastResult: GenerationResult?

  /// Tokens that `sequence` holds, or at least the first of them.
  private var cached: [Int] = []
  private var sequence: KVSequence?
  private var turn: Turn?
  private let instructions: [ChatMessage]

  private struct Turn {
    let id: Int
    var state: GenerationState
    var answer = ""
  }
  /// Numbers turns and resets, so that a turn knows whether it still is the last.
  private(set) var turnCount = 0

  /// - Parameters:
  ///   - instructions: what the system tells the model before all turns.
  ///   - options: how every answer is generated.
  public init(_ model: LanguageModel, instructions: String? = nil, options: GenerationOptions = GenerationOptions()) {
    self.model = model
    self.options = options
    self.instructions = instructions.map { [ChatMessage(role: "system", content: $0)] } ?? []
    messages = self.instructions
  }

  /// The whole answer to a message.
  ///
  /// - Throws: `TesseraError.noChatTemplate` if the model has no template, `TesseraError.contextFull` with the numbers,
  ///   `ChatError` if the template refuses the conversation, `CancellationError` when the task is cancelled, or when
  ///   another turn or a reset comes before the answer has begun.
  public func respond(to message: String) async throws -> String {
    var answer = ""
    for try await piece in streamResponse(to: message) { answer += piece }
    if lastResult?.finishReason == .cancelled { throw CancellationError() }
    return answer
  }

  /// The answer to a message, piece by piece. Whoever stops asking for pieces stops the work; the answer so far stays in
  /// the conversation.
  public nonisolated func streamResponse(to message: String) -> ResponseStream {
    ResponseStream(session: self, message: message)
  }

  /// Forgets what was said, but not the instructions.
  public func reset() {
    closeTurn()
    turnCount += 1
    messages = instructions
    cached = []
    sequence = nil
  }

  // MARK: One turn

  func begin(_ message: String) async throws -> Int {
    closeTurn()
    turnCount += 1
    let id = turnCount
    guard let template = try model.chatTemplate else {
      throw TesseraError(
        .noChatTemplate, "the model has no chat template: complete a text instead (--raw, LanguageModel.generate)")
    }
    let conversation = messages + [ChatMessage(role: "user", content: message)]
    let prompt = try model.prompt(of: conversation, with: template)
    let state = try await model.begin(prompt, options, in: sequence, holding: cached)
    // Another turn, or a reset, may have come while the model was busy.
    guard id == turnCount else { throw CancellationError() }
    sequence = state.sequence
    messages = conversation
    turn = Turn(id: id, state: state)
    return id
  }

  /// The next piece of a turn's answer; nil at its end, and once another turn has begun.
  func next(of id: Int) async throws -> String? {
    guard let current = turn, current.id == id, !current.state.isFinished else { return nil }
    let (state, event) = try await model.advance(current.state)
    guard var advanced = turn, advanced.id == id else { return nil }
    advanced.state = state
    switch event {
    case .token(_, let text):
      advanced.answer += text
      turn = advanced
      return text
    case .finished(let result):
      advanced.answer += result.trailingText
      turn = advanced
      lastResult = result
      closeTurn()
      return result.trailingText.isEmpty ? nil : result.trailingText
    }
  }

  /// Keeps the answer as far as it came.
  private func closeTurn() {
    guard let closed = turn else { return }
    cached = Array(closed.state.tokens.prefix(closed.state.sequence.tokenCount))
    messages.append(ChatMessage(role: "assistant", content: closed.answer))
    turn = nil
  }
}

/// The pieces of an answer, each computed when it is asked for.
public struct ResponseStream: AsyncSequence, Sendable {
  let session: ChatSession
  let message: String

  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  public struct Iterator: AsyncIteratorProtocol {
    let stream: ResponseStream
    private var turn: Int?

    init(stream: ResponseStream) { self.stream = stream }

    public mutating func next() async throws -> String? {
      if turn == nil { turn = try await stream.session.begin(stream.message) }
      guard let turn else { return nil }
      // A token may complete no character.
      while let piece = try await stream.session.next(of: turn) {
        if !piece.isEmpty { return piece }
      }
      return nil
    }
  }
}
