import Foundation
import TesseraJSON
import TesseraText

/// What the text of an answer must be.
///
///     var options = GenerationOptions()
///     options.constraint = try .jsonSchema(#"{"type": "object", "properties": {"age": {"type": "integer"}}}"#)
///
/// Made once it serves any number of requests, of any models. Equal ones share what they learn of a model's vocabulary.
public struct TokenConstraint: Sendable, Hashable, Codable {
  private enum Kind: String, Codable {
    case jsonSchema = "json_schema"
    case jsonObject = "json_object"
    case regularExpression = "regex"
    case gbnf = "grammar"
    case triggered
  }

  private enum CodingKeys: String, CodingKey {
    case kind = "type"
    case source, thought
  }

  /// The text that ends a thought before the text that is held to anything.
  private struct Thought: Hashable, Codable {
    var end: ScalarString
    var isControlToken: Bool

    init(_ end: String, isControlToken: Bool) { (self.end, self.isControlToken) = (ScalarString(end), isControlToken) }

    private enum CodingKeys: String, CodingKey {
      case end, isControlToken
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      self.init(
        try container.decode(String.self, forKey: .end),
        isControlToken: try container.decode(Bool.self, forKey: .isControlToken))
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(end.text, forKey: .end)
      try container.encode(isControlToken, forKey: .isControlToken)
    }
  }

  private let kind: Kind
  private let source: ScalarString
  private var thought: Thought?
  private(set) var grammar: Grammar

  private init(_ kind: Kind, _ source: String, _ grammar: Grammar) {
    (self.kind, self.source, self.grammar) = (kind, ScalarString(source), grammar)
  }

  /// Documents that are valid by a JSON schema (draft 2020-12), on one line.
  ///
  /// - Throws: `GrammarError` that names the place and the keyword, for what is no schema, cannot be guaranteed, or goes over
  ///   the bounds: `docs/structured-output.md`.
  public static func jsonSchema(_ schema: String) throws(GrammarError) -> TokenConstraint {
    TokenConstraint(.jsonSchema, schema, try .jsonSchema(schema))
  }

  /// As `jsonSchema(_:)` of its text.
  public static func jsonSchema(_ schema: JSONValue) throws(GrammarError) -> TokenConstraint {
    try jsonSchema(schema.text())
  }

  /// JSON objects, on one line.
  public static func json() throws(GrammarError) -> TokenConstraint {
    TokenConstraint(.jsonObject, "", try .jsonObject())
  }

  /// Texts that a regular expression matches from their beginning to their end.
  /// - Throws: `GrammarError`, as for schemas.
  public static func regex(_ pattern: String) throws(GrammarError) -> TokenConstraint {
    TokenConstraint(.regularExpression, pattern, try .regularExpression(pattern))
  }

  /// Texts of a grammar in llama.cpp's language, whose rule `root` they are.
  /// - Throws: `GrammarError`, as for schemas.
  public static func gbnf(_ grammar: String) throws(GrammarError) -> TokenConstraint {
    TokenConstraint(.gbnf, grammar, try .gbnf(grammar))
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let source = try container.decode(String.self, forKey: .source)
    let constraint: TokenConstraint =
      switch try container.decode(Kind.self, forKey: .kind) {
      case .jsonSchema: try .jsonSchema(source)
      case .jsonObject: try .json()
      case .regularExpression: try .regex(source)
      case .gbnf: try .gbnf(source)
      case .triggered: try .triggered(JSONDecoder().decode(Triggered.self, from: Data(source.utf8)))
      }
    let thought = try container.decodeIfPresent(Thought.self, forKey: .thought)
    self =
      try thought.map { try constraint.behindThought($0.end.text, isControlToken: $0.isControlToken) } ?? constraint
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(kind, forKey: .kind)
    try container.encode(source.text, forKey: .source)
    try container.encodeIfPresent(thought, forKey: .thought)
  }

  /// Any text, in which a document stands behind each trigger: calls of tools, as models write them between markers.
  ///
  ///     try .triggered("<tool_call>", calls: [(#"\n{"name": "add", "arguments": "#, schema, "}\n</tool_call>")], isRequired: false)
  ///
  /// - Parameters:
  ///   - trigger: the text behind which one of `calls` must follow.
  ///   - isControlToken: whether the trigger is one control token, which is no text.
  ///   - calls: of each tool the text behind the trigger, the JSON schema of its arguments, and the text behind these.
  ///   - isRequired: whether the answer is one call or more, and no other text.
  ///   - mostCalls: how many calls there may be at most; nil: any number.
  /// - Throws: `GrammarError`, as for schemas.
  public static func triggered(
    _ trigger: String, isControlToken: Bool = false, calls: [(opening: String, schema: String, closing: String)],
    isRequired: Bool, mostCalls: Int? = nil
  ) throws(GrammarError) -> TokenConstraint {
    let source = Triggered(
      trigger: trigger, isControlToken: isControlToken, calls: calls.map { [$0.opening, $0.schema, $0.closing] },
      isRequired: isRequired, mostCalls: mostCalls)
    return try triggered(source)
  }

  private static func triggered(_ source: Triggered) throws(GrammarError) -> TokenConstraint {
    TokenConstraint(.triggered, source.text, try source.grammar())
  }

  /// This behind a thought: any text, the text that ends it, two spaces or new lines at most, and then what this says.
  ///
  /// - Parameters:
  ///   - end: the text that ends the thought, such as `</think>`.
  ///   - isControlToken: whether that is one control token, which is no text.
  /// - Throws: `GrammarError` without an end, where this has a thought before it already, and where both are too large.
  public func behindThought(_ end: String, isControlToken: Bool = false) throws(GrammarError) -> TokenConstraint {
    guard thought == nil else { throw GrammarError(.unsupported, "a constraint stands behind one thought at most") }
    var result = self
    result.thought = Thought(end, isControlToken: isControlToken)
    result.grammar = try grammar.behindThought(end, isControlToken: isControlToken)
    return result
  }

  public static func == (left: TokenConstraint, right: TokenConstraint) -> Bool {
    left.kind == right.kind && left.source == right.source && left.thought == right.thought
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(source)
    hasher.combine(thought)
  }
}

/// What a constraint behind a trigger was made of.
private struct Triggered: Codable {
  var trigger: String
  var isControlToken: Bool
  /// Of each opening, schema and closing.
  var calls: [[String]]
  var isRequired: Bool
  var mostCalls: Int?

  /// The same for the same.
  var text: String {
    let calls = calls.map { JSONValue.array($0.map { .string($0) }) }
    var object: JSONObject = [
      "trigger": .string(trigger), "isControlToken": .bool(isControlToken), "calls": .array(calls),
      "isRequired": .bool(isRequired),
    ]
    object["mostCalls"] = mostCalls.map { .int($0) }
    return JSONValue.object(object).text()
  }

  func grammar() throws(GrammarError) -> Grammar {
    guard calls.allSatisfy({ $0.count == 3 }) else {
      throw GrammarError(.malformed, "a call behind a trigger has an opening, a schema and a closing")
    }
    var grammar = TriggeredGrammar(
      trigger: trigger, calls: calls.map { .init(opening: $0[0], schema: $0[1], closing: $0[2]) })
    (grammar.isControlToken, grammar.isRequired, grammar.mostCalls) = (isControlToken, isRequired, mostCalls)
    return try grammar.grammar()
  }
}
