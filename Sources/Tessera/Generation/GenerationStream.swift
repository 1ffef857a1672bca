/// The events of a generation, each computed when it is asked for: whoever stops asking stops the work.
public struct GenerationStream: AsyncSequence, Sendable {
  let model: LanguageModel
  let prompt: [Int]
  let options: GenerationOptions

  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  public struct Iterator: AsyncIteratorProtocol {
    let stream: GenerationStream
    private var state: GenerationState?

    init(stream: GenerationStream) { self.stream = stream }

    /// The next event; nil after `.finished`.
    public mutating func next() async throws -> GenerationEvent? {
      if state == nil { state = try await stream.model.begin(stream.prompt, stream.options) }
      guard let current = state, !current.isFinished else { return nil }
      let (advanced, event) = try await stream.model.advance(current)
      state = advanced
      return event
    }
  }
}
