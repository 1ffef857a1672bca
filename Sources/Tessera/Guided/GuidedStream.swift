/// An event of a generation whose answer is a value.
public enum GuidedEvent<Value: Sendable>: Sendable {
  /// A token of the answer's text, a JSON document.
  case token(GeneratedToken)
  /// The value; the last event.
  case finished(Value, GenerationResult)
}

/// The events of a generation whose answer is a value, computed as they are asked for: whoever stops asking stops the work within
/// one token.
public struct GuidedStream<Value: Decodable & Sendable>: AsyncSequence, Sendable {
  /// What the answer is held to.
  public let schema: GuidedSchema<Value>
  let events: GenerationStream

  /// Begins a generation; each iterator has one of its own.
  public func makeAsyncIterator() -> Iterator { Iterator(self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let stream: GuidedStream
    private var events: GenerationStream.Iterator
    private var text = ""

    init(_ stream: GuidedStream) { (self.stream, events) = (stream, stream.events.makeAsyncIterator()) }

    /// The next event; nil after `.finished`, and after an error.
    ///
    /// - Throws: as ``LanguageModel/generate(_:from:options:)``.
    public mutating func next() async throws -> GuidedEvent<Value>? {
      switch try await events.next() {
      case .token(let token)?:
        text += token.text
        return .token(token)
      case .finished(let result)?:
        text += result.trailingText
        return .finished(
          try stream.schema.value(from: text, result, stream.events.model, stream.events.options), result)
      case nil: return nil
      }
    }
  }
}

extension LanguageModel {
  /// A value that completes a text: no chat template is applied.
  ///
  ///     struct City: Decodable, Sendable { let name: String; let population: Int }
  ///     let city = try await model.generate(City.self, from: "The largest city of France as JSON: ")
  ///
  /// The answer's text is a JSON document of the type's ``GuidedSchema``, whatever the model thinks of it. The model does not see the
  /// schema: a prompt that shows it (`GuidedSchema.text`), or says what is wanted, gives better values.
  ///
  /// - Throws: ``GuidedError`` with the text so far where `options.maxTokens` or the context cut it off, and for types whose schema
  ///   cannot be derived; `TesseraError`, as for other generations; `CancellationError`.
  public func generate<Value: Decodable & Sendable>(
    _ type: Value.Type, from prompt: String, options: GenerationOptions = .init()
  ) async throws -> Value {
    for try await event in try stream(type, from: prompt, options: options) {
      if case .finished(let value, _) = event { return value }
    }
    throw CancellationError()
  }

  /// As ``generate(_:from:options:)``, token by token, with the value at the end.
  ///
  /// - Throws: for types whose schema cannot be derived, and for an `options.constraint` beside the type's; as `tokenizer`.
  public func stream<Value: Decodable & Sendable>(
    _ type: Value.Type, from prompt: String, options: GenerationOptions = .init()
  ) throws -> GuidedStream<Value> {
    let schema = try GuidedSchema(type)
    return GuidedStream(
      schema: schema, events: try generate(prompt, options: try options.held(to: schema.constraint)))
  }
}

extension ChatSession {
  /// The answer to a message as a value; its text, a JSON document, is the turn's in the conversation.
  ///
  ///     let recipe = try await chat.respond(to: "How do I make pancakes?", as: Recipe.self)
  ///
  /// - Throws: as ``respond(to:)`` and ``LanguageModel/generate(_:from:options:)``.
  public func respond<Value: Decodable & Sendable>(to message: String, as type: Value.Type) async throws -> Value {
    let schema = try GuidedSchema(type)
    let options = try options.held(to: schema.constraint)
    let turn = try await begin(message, options)
    var text = ""
    while let event = try await nextEvent(of: turn) {
      switch event {
      case .token(let token): text += token.text
      case .finished(let result):
        return try schema.value(from: text + result.trailingText, result, model, options)
      }
    }
    // Another turn, or a reset, came before its end.
    throw CancellationError()
  }
}
