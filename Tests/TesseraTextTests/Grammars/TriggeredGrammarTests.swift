import Testing

@testable import TesseraText

@Suite("Grammars: calls behind triggers, and thoughts")
struct TriggeredGrammarTests {
  private func wrong(_ grammar: Grammar, _ accepted: [String], _ refused: [String]) throws -> [String] {
    var recognizer = GrammarRecognizer(grammar)
    return try accepted.filter { try !recognizer.accepts($0.utf8) } + refused.filter { try recognizer.accepts($0.utf8) }
  }

  private func tools() -> TriggeredGrammar {
    TriggeredGrammar(
      trigger: "<<call>", calls: [.init(opening: "add(", schema: #"{"type": "integer"}"#, closing: ")")])
  }

  @Test("no more calls than were asked for")
  func mostCalls() throws {
    var tools = tools()
    tools.mostCalls = 1
    #expect(
      try wrong(
        tools.grammar(), ["", "a <<call>add(1) b <<cal", "<<<call>add(1)<<call"],
        ["<<call>", "<<call>add(1)<<call>add(2)", "<<call>add(1) <<call>"]) == [])
    tools.mostCalls = 2
    #expect(
      try wrong(
        tools.grammar(), ["a", "a <<call>add(1) b", "<<call>add(1)<<call>add(2)x"],
        ["<<call>add(1) <<call>add(2) <<call>add(3)"]) == [])
    tools.isRequired = true
    #expect(
      try wrong(
        tools.grammar(), ["<<call>add(1)", "<<call>add(1)\n<<call>add(2)"],
        ["", "<<call>add(1)<<call>add(2)<<call>add(3)"]) == [])
    tools.mostCalls = 1
    #expect(
      try wrong(tools.grammar(), ["<<call>add(1)"], ["", "<<call>add(1)<<call>add(2)", "<<call>add(1)\n"]) == [])
    tools.mostCalls = 0
    #expect(throws: GrammarError.self) { try tools.grammar() }
  }

  @Test("a grammar behind a thought", arguments: [false, true])
  func thoughts(isControlToken: Bool) throws {
    let mark = isControlToken ? [TokenTrie.controlMark] : []
    var tools = tools()
    (tools.mostCalls, tools.isRequired) = (3, true)
    let grammars: [(Grammar, accepted: [String], refused: [String])] = [
      (
        try .jsonSchema(#"{"type":"array","items":{"type":"string","maxLength":3},"minItems":2,"maxItems":3}"#),
        [#"["a","bcd"]"#, #"["a", "", "é"]"#], ["", "[]", #"["a"]"#, #"["a","bcde"]"#, #"["a","b","c","d"]"#]
      ),
      (try .jsonObject(), [#"{"a":{"b":[1,{}]}}"#], ["[]", #"{"a":}"#]),
      (try .regularExpression("(ab|é){2,5}x*"), ["abé", "ababababéxx"], ["ab", "x", "éééééé"]),
      (try .gbnf("root ::= \"(\" root \")\" | [^()]{1,2}"), ["((日))", "ab"], ["((a)", "abc"]),
      (try tools.grammar(), ["<<call>add(1)", "<<call>add(1) <<call>add(2)"], ["", "<<call>add(x)"]),
    ]
    for (grammar, accepted, refused) in grammars {
      var recognizer = GrammarRecognizer(try grammar.behindThought("</t>", isControlToken: isControlToken))
      func accepts(_ thought: String, _ rest: String) throws -> Bool {
        try recognizer.accepts(Array(thought.utf8) + mark + Array("</t>".utf8) + mark + Array(rest.utf8))
      }
      for text in accepted {
        for thought in ["", "so <</ é", "[1]\n"] {
          #expect(try accepts(thought, text), "\(text)")
          #expect(try accepts(thought, "\n\n" + text), "\(text)")
          #expect(try !accepts(thought, "\n\n\n" + text), "\(text)")
          #expect(try !recognizer.accepts(Array((thought + text).utf8)), "\(text)")
        }
      }
      for text in refused { #expect(try !accepts("so", text), "\(text)") }
    }
    #expect(throws: GrammarError.self) { try Grammar.jsonObject().behindThought("", isControlToken: false) }
  }
}
