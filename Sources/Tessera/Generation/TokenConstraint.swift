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
    case source
  }

  private let kind: Kind
  private let source: ScalarString
  let grammar: Grammar

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
    switch try container.decode(Kind.self, forKey: .kind) {
    case .jsonSchema: self = try .jsonSchema(source)
    case .jsonObject: self = try .json()
    case .regularExpression: self = try .regex(source)
    case .gbnf: self = try .gbnf(source)
    case .triggered: self = try .triggered(JSONDecoder().decode(Triggered.self, from: Data(source.utf8)))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(kind, forKey: .kind)
    try container.encode(source.text, forKey: .source)
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
  /// - Throws: `GrammarError`, as for schemas.
  public static func triggered(
    _ trigger: String, isControlToken: Bool = false, calls: [(opening: String, schema: String, closing: String)],
    isRequired: Bool
  ) throws(GrammarError) -> TokenConstraint {
    let source = Triggered(
      trigger: trigger, isControlToken: isControlToken, calls: calls.map { [$0.opening, $0.schema, $0.closing] },
      isRequired: isRequired)
    return try triggered(source)
  }

  private static func triggered(_ source: Triggered) throws(GrammarError) -> TokenConstraint {
    TokenConstraint(.triggered, source.text, try source.grammar())
  }

  public static func == (left: TokenConstraint, right: TokenConstraint) -> Bool {
    left.kind == right.kind && left.source == right.source
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(source)
  }
}

/// What a constraint behind a trigger was made of.
private struct Triggered: Codable {
  var trigger: String
  var isControlToken: Bool
  /// Of each opening, schema and closing.
  var calls: [[String]]
  var isRequired: Bool

  /// The same for the same.
  var text: String {
    let calls = calls.map { JSONValue.array($0.map { .string($0) }) }
    return JSONValue.object([
      "trigger": .string(trigger), "isControlToken": .bool(isControlToken), "calls": .array(calls),
      "isRequired": .bool(isRequired),
    ])
    .text()
  }

  func grammar() throws(GrammarError) -> Grammar {
    guard calls.allSatisfy({ $0.count == 3 }) else {
      throw GrammarError(.malformed, "a call behind a trigger has an opening, a schema and a closing")
    }
    var grammar = TriggeredGrammar(
      trigger: trigger, calls: calls.map { .init(opening: $0[0], schema: $0[1], closing: $0[2]) })
    (grammar.isControlToken, grammar.isRequired) = (isControlToken, isRequired)
    return try grammar.grammar()
  }
}
