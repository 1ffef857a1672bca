import TesseraJSON
import TesseraText

/// What the text of an answer must be.
///
///     var options = GenerationOptions()
///     options.constraint = try .jsonSchema(#"{"type": "object", "properties": {"age": {"type": "integer"}}}"#)
///
/// Made once it serves any number of requests, of any models. Equal ones share what they learn of a model's vocabulary.
public struct TokenConstraint: Sendable, Hashable {
  enum Kind: Hashable {
    case jsonSchema, jsonObject, regularExpression, gbnf
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

  public static func == (left: TokenConstraint, right: TokenConstraint) -> Bool {
    left.kind == right.kind && left.source == right.source
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(source)
  }
}
