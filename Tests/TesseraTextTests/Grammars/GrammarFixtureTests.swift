import Foundation
import TesseraJSON
import Testing

@testable import TesseraText

/// What others say about texts (`Tests/Fixtures-scripts/make_grammar_fixtures.py`).
@Suite("Grammars: what they accept")
struct GrammarFixtureTests {
  /// The rows of a fixture.
  static func rows(_ name: String) throws -> [JSONFields] {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Fixtures/grammars"))
    let value = try JSONValue(parsing: [UInt8](Data(contentsOf: url)))
    return try #require(value.arrayValue).map { try JSONFields(of: $0) }
  }

  /// The texts of a list that a grammar decides otherwise.
  static func wrong(_ grammar: Grammar, _ row: JSONFields) throws -> [String] {
    var recognizer = GrammarRecognizer(grammar)
    return try row.strings("accepted").filter { try !recognizer.accepts($0.utf8) }
      + row.strings("refused").filter { try recognizer.accepts($0.utf8) }
  }

  private func code(_ body: () throws -> Grammar) -> GrammarError.Code? {
    do { _ = try body() } catch { return (error as? GrammarError)?.code }
    return nil
  }

  @Test("documents of JSON schemas: none that is not valid, and all that are in the schema's order")
  func schemas() throws {
    for row in try Self.rows("schemas") {
      let schema = try #require(row["schema"])
      let grammar = try Grammar.jsonSchema(schema.text())
      #expect(try Self.wrong(grammar, row) == [], "\(schema.text())")
    }
  }

  @Test("texts of regular expressions")
  func expressions() throws {
    for row in try Self.rows("expressions") {
      let pattern = try row.string("expression")
      #expect(try Self.wrong(.regularExpression(pattern), row) == [], "\(pattern)")
    }
  }

  @Test("texts of llama.cpp's grammars")
  func gbnf() throws {
    for row in try Self.rows("gbnf") {
      let text = try row.string("grammar")
      #expect(try Self.wrong(.gbnf(text), row) == [], "\(text)")
    }
  }

  @Test("what cannot be served is refused, with the kind of reason")
  func refusals() throws {
    let languages: [(String, String, (String) throws -> Grammar)] = [
      ("schemas-refused", "schema", { try .jsonSchema($0) }),
      ("expressions-refused", "expression", { try .regularExpression($0) }),
      ("gbnf-refused", "grammar", { try .gbnf($0) }),
    ]
    for (name, key, read) in languages {
      for row in try Self.rows(name) {
        let text = try row.string(key)
        let wanted = GrammarError.Code(rawValue: try row.string("code"))
        #expect(code { try read(text) } == wanted, "\(text)")
      }
    }
  }

  @Test("messages name the place and the keyword")
  func messages() {
    func message(_ schema: String) -> String {
      do { _ = try Grammar.jsonSchema(schema) } catch { return error.message }
      return ""
    }
    #expect(
      message(#"{"type": "object", "properties": {"a": {"type": "array", "items": {"not": {}}}}}"#)
        == "the JSON schema, at #/properties/a/items: the keyword 'not' cannot be guaranteed: leave it out")
    #expect(
      message(#"{"pattern": "a(?=b)"}"#)
        == "the JSON schema, at #/pattern: the regular expression, at character 4: conditions on what stands around "
        + "('(?=') cannot be guaranteed")
  }

  @Test("objects of plain JSON")
  func json() throws {
    var recognizer = GrammarRecognizer(try .jsonObject())
    for text in [#"{}"#, #"{"a":[1, -2.5e-7,null,true,"\u00e9\ud83d\ude00\n"], "b": {"c": {}}}"#] {
      #expect(try recognizer.accepts(text.utf8), "\(text)")
    }
    for text in [
      "", "[]", "{ }", #"{"a":01}"#, #"{"a":1,}"#, #"{"a":"\ud83d"}"#, "{\"a\":\"\n\"}", #"{"a":.5}"#, #"{'a':1}"#,
    ] {
      #expect(try !recognizer.accepts(text.utf8), "\(text)")
    }
    // Half a character, and bytes that are none.
    #expect(try !recognizer.accepts([0x7B, 0x22, 0xC3, 0x22, 0x3A, 0x31, 0x7D]))
    #expect(try !recognizer.accepts([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]))
  }

  @Test("behind a trigger stands a call, and anything else is free")
  func triggered() throws {
    var tools = TriggeredGrammar(
      trigger: "<<call>",
      calls: [
        .init(opening: "add(", schema: ##"{"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}"##, closing: ")"),
        .init(opening: "say(", schema: ##"{"$ref": "#/$defs/n", "$defs": {"n": {"type": "boolean"}}}"##, closing: ")"),
      ])
    func wrong(_ accepted: [String], _ refused: [String]) throws -> [String] {
      var recognizer = GrammarRecognizer(try tools.grammar())
      return try accepted.filter { try !recognizer.accepts($0.utf8) }
        + refused.filter { try recognizer.accepts($0.utf8) }
    }
    #expect(
      try wrong(
        ["", "text < é", "<<call>add(12)", "a <<<call>say(true) b <<call>add(0)", "<<cal", "<<call<<call>add(1)<"],
        ["<<call>", "<<call>add(true)", "<<call>say(1)", "x<<<call>add(1", "<<call>add(1)<<call>x"]) == [])
    tools.isRequired = true
    #expect(
      try wrong(
        ["<<call>add(12)", "<<call>add(1)\n<<call>say(false)"], ["", "text", " <<call>add(12)", "<<call>add(1) x"])
        == [])
    tools.calls = []
    #expect(throws: GrammarError.self) { try tools.grammar() }
  }
}
