/// The events of a generation, computed as they are asked for: whoever stops asking stops the work within one token.
public struct GenerationStream: AsyncSequence, Sendable {
  let model: LanguageModel
  let options: GenerationOptions
  /// Makes the prompt and an encoder-decoder's source, on the thread for texts.
  let prompt: @Sendable () throws -> (tokens: [Int], source: [Int]?)

  /// Begins a generation; each iterator has one of its own.
  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  public struct Iterator: AsyncIteratorProtocol, Sendable {
    private let stream: GenerationStream
    private var request: RequestHandle?
    private var isFinished = false

    init(stream: GenerationStream) { self.stream = stream }

    /// The next event; nil after `.finished`, and after an error.
    public mutating func next() async throws -> GenerationEvent? {
      guard !isFinished else { return nil }
      do {
        let request: RequestHandle
        if let known = self.request {
          request = known
        } else {
          request = try await RequestHandle(stream)
          self.request = request
        }
        let event = try await request.next()
        switch event {
        case .finished?, nil: isFinished = true
        case .token?: break
        }
        return event
      } catch {
        isFinished = true
        throw error
      }
    }
  }
}

/// A request that ends when nobody holds it any more.
final class RequestHandle: Sendable {
  private let engine: Engine
  let id: SequenceID

  init(_ stream: GenerationStream) async throws {
    engine = stream.model.engine
    let prompt = try await stream.model.texts.run(stream.prompt)
    id = try await engine.submit(prompt.tokens, source: prompt.source, stream.options)
  }

  func next() async throws -> GenerationEvent? { try await engine.next(of: id) }

  deinit {
    Task { [engine, id] in await engine.abandon(id) }
  }
}
