import Foundation
import Synchronization
import TesseraText

/// The JSON documents from which a type is decoded: what an answer is held to that is to be a value of it.
///
///     struct Recipe: Decodable, Sendable {
///       let title: String
///       let minutes: Int
///       let steps: [String]
///     }
///     let schema = try GuidedSchema(Recipe.self)
///     print(schema.text)      // {"type": "object", "properties": {"title": {"type": "string"}, …
///
/// The schema is read off the type's `init(from:)`, which is run with a decoder that hands out values standing for all, and notes
/// what is asked for: members in the order in which they are decoded, under their coding keys; optional ones where
/// `decodeIfPresent` is used; arrays, sets, dictionaries by strings; enumerations by their raw values, if they are
/// `CaseIterable`; types that contain themselves. Or the type gives it (``JSONSchemaProviding``).
///
/// One of its values after the other is changed then, and a type refused that decodes something else then, or nothing.
///
/// Dates are written as ISO 8601 has them, data in base64. A type's schema is derived once and kept, the last 64 types'.
public struct GuidedSchema<Value: Decodable>: Sendable {
  /// The JSON schema.
  public let text: String
  /// Holds an answer to it.
  public let constraint: TokenConstraint

  /// - Throws: ``GuidedError`` `.underivable` that names the place in the type and says what to do; `GrammarError` for a schema
  ///   that the type gives and that cannot be guaranteed; `CancellationError`.
  public init(_ type: Value.Type = Value.self) throws {
    (text, constraint) = try GuidedSchemas.schema(of: type)
  }

  /// The value of a document.
  ///
  /// - Throws: ``GuidedError`` `.undecodable`.
  public func value(from text: String) throws(GuidedError) -> Value {
    do { return try JSONDecoder.guided.decode(Value.self, from: Data(text.utf8)) } catch {
      throw GuidedError(
        .undecodable,
        "the answer is no \(Value.self), which refuses it: \(error); what it demands beyond its JSON schema must be part of "
          + "that (JSONSchemaProviding)", text: text)
    }
  }

  /// The value of an answer that has ended.
  func value(from text: String, _ result: GenerationResult, _ model: LanguageModel, _ options: GenerationOptions) throws
    -> Value
  {
    var recognizer = GrammarRecognizer(constraint.grammar)
    switch result.finishReason {
    case .cancelled: throw CancellationError()
    case .stop where try recognizer.accepts(text.utf8): return try value(from: text)
    case .stop:
      throw GuidedError(
        .cutOff, "a stop string ended the answer before the \(Value.self) was complete: leave it out",
        text: text, result: result)
    case .length:
      let counts = (prompt: result.statistics.promptTokens, answer: result.statistics.generatedTokens)
      let bound =
        options.maxTokens.map { $0 <= counts.answer } ?? false
        ? "maxTokens is \(counts.answer): raise it"
        : "the prompt has \(counts.prompt), the context \(model.contextLength): load the model with a longer one"
      throw GuidedError(
        .cutOff, "the answer was cut off after \(counts.answer) tokens before the \(Value.self) was complete; \(bound)",
        text: text, result: result)
    }
  }
}

/// The schemas that have been derived, and their grammars.
private enum GuidedSchemas {
  typealias Schema = (text: String, constraint: TokenConstraint)

  private static let limit = 64
  /// In the order in which they were derived.
  private static let known = Mutex<[(type: ObjectIdentifier, schema: Schema)]>([])

  static func schema(of type: any Decodable.Type) throws -> Schema {
    let id = ObjectIdentifier(type)
    if let schema = known.withLock({ $0.first { $0.type == id }?.schema }) { return schema }
    let text = try SchemaDeriver.schema(of: type).text()
    do {
      let schema = (text, try TokenConstraint.jsonSchema(text))
      known.withLock {
        if $0.count >= limit { $0.removeFirst() }
        $0.append((id, schema))
      }
      return schema
    } catch {
      // That of a canceled task is not read to its end.
      try Task.checkCancellation()
      throw error
    }
  }
}

extension GenerationOptions {
  /// These, with a constraint.
  /// - Throws: `TesseraError.badOption` where they have one.
  func held(to constraint: TokenConstraint) throws(TesseraError) -> GenerationOptions {
    guard self.constraint == nil else {
      throw TesseraError(.badOption, "the answer's type says what it may be: leave the option 'constraint' out")
    }
    var options = self
    options.constraint = constraint
    return options
  }
}
