import TesseraJSON

extension Grammar {
  /// The texts of the documents that are valid by a JSON schema.
  /// - Throws: `GrammarError` for what is no schema, cannot be guaranteed, or goes over the bounds.
  package static func jsonSchema(_ schema: String) throws(GrammarError) -> Grammar {
    try JSONSchemaReader.grammar(schema)
  }

  /// The texts of JSON objects.
  package static func jsonObject() throws(GrammarError) -> Grammar {
    var json = JSONGrammar()
    let object = try json.object()
    return try json.rules.grammar(object)
  }

  /// The texts that a regular expression matches from their beginning to their end.
  /// - Throws: `GrammarError` as for schemas.
  package static func regularExpression(_ pattern: String) throws(GrammarError) -> Grammar {
    try RegularExpressionReader.grammar(pattern)
  }

  /// The texts of a grammar in llama.cpp's language.
  /// - Throws: `GrammarError` as for schemas.
  package static func gbnf(_ text: String) throws(GrammarError) -> Grammar {
    try GBNFReader.read(text)
  }
}
