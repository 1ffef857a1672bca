import Foundation
import TesseraJSON
import Testing

@testable import TesseraText

@Suite("Grammars: masks over vocabularies")
struct GrammarMaskTests {
  private static let schema = """
    {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "minimum": 0, \
    "maximum": 130}, "tags": {"type": "array", "items": {"enum": ["red", "rot", "grün"]}, "maxItems": 3}, \
    "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["name", "age"], "additionalProperties": false}
    """

  private static func grammars() throws -> [Grammar] {
    [
      try .jsonSchema(schema), try .jsonObject(), try .regularExpression("([a-f]{2,5}|é+x?)(, ?[0-9]{1,3}){0,4}"),
      try .gbnf("root ::= \"(\" (root | [ -~]{0,40}) \")\" | [^()]{1,8}"),
    ]
  }

  /// Tokens of several bytes, and one for each byte: those of a byte-level vocabulary.
  private static func texts() -> [[UInt8]] {
    let words = [
      "{\"", "\":", "\": \"", "\", \"", "\"}", "},", "}}", "null", "nul", "true", "name", "age", "tags", "next", "ed",
      "re",
      "red\"", "ro", " ", "  ", "é", "ün", "grün", "日本", "12", "130", "1, ", ", ", "[]", "[\"", "]}", "\\", "\\u00",
      "\\n",
      "abc", "(a", "))", "ab, 1", "ééx",
    ]
    let control = [TokenTrie.controlMark] + Array("<end>".utf8) + [TokenTrie.controlMark]
    var texts: [[UInt8]] = (UInt8.min...UInt8.max).map { [$0] }
    for word in words { texts.append(Array(word.utf8)) }
    texts += [[], Array("abc".utf8), control]
    return texts
  }

  private static let endToken = texts().count - 1

  private static func trie() -> TokenTrie {
    let texts = texts()
    return TokenTrie(texts, vocabularySize: texts.count, endTokens: [endToken])
  }

  private func ids(_ mask: [UInt32]) -> [Int] {
    (0..<mask.count * 32).filter { mask[$0 / 32] >> UInt32($0 % 32) & 1 == 1 }
  }

  @Test("a mask has the tokens whose bytes the grammar takes, and the end where it may be", arguments: 0..<4)
  func masks(index: Int) throws {
    let grammar = try Self.grammars()[index]
    let texts = Self.texts()
    #expect(texts.count == Self.endToken + 1)
    let masks = try GrammarMasks(grammar, Self.trie())
    var random = RepeatableGenerator(state: UInt64(index))
    for _ in 0..<6 {
      var progress = masks.begin()
      var automaton = GrammarAutomaton(grammar)
      var state = try automaton.start()
      for _ in 0..<25 {
        // Each token for itself, without the trie.
        var wanted: [Int] = []
        for (id, text) in texts.enumerated() where !text.isEmpty {
          automaton.beginWork()
          var next = state
          for byte in text { next = try automaton.step(next, byte) }
          if next != GrammarAutomaton.dead { wanted.append(id) }
        }
        if automaton.isEnd[Int(state)] { wanted.append(Self.endToken) }
        #expect(ids(try progress.mask()) == wanted.sorted())
        #expect(progress.isComplete == automaton.isEnd[Int(state)])
        guard let token = wanted.randomElement(using: &random), token != Self.endToken else { break }
        try progress.append(token)
        for byte in texts[token] { state = try automaton.step(state, byte) }
      }
    }
  }

  /// What random tokens make of a grammar, until it ends; from some length on the shortest way is taken.
  private func walk(
    _ progress: GrammarProgress, _ trie: TokenTrie, _ texts: [[UInt8]], _ random: inout RepeatableGenerator
  ) throws -> [UInt8]? {
    var progress = progress
    var output: [UInt8] = []
    for step in 0..<2_000 {
      if progress.isFinished { return output }
      let mask = try progress.mask()
      let allowed = ids(mask)
      if progress.isComplete, step > 30 || allowed.count == trie.endTokens.count || random.next() % 4 == 0 {
        return output
      }
      let tokens = allowed.filter { !trie.endTokens.contains($0) }
      // What closes: quotes and brackets.
      let closing = tokens.filter { texts[$0].count == 1 && "\"]})0".utf8.contains(texts[$0][0]) }
      let choices = step > 30 && !closing.isEmpty ? closing : tokens
      guard let token = choices.randomElement(using: &random) else { return nil }
      output += texts[token]
      try progress.append(token)
    }
    return nil
  }

  @Test("random walks end in texts that are valid, on vocabularies of several kinds")
  func walks() throws {
    var random = RepeatableGenerator(state: 5)
    let vocabularies = try SmallVocabularies.load()
    var tokenizers = [
      try Tokenizer(vocabularies.bytePairDefinition("gpt-2")), try Tokenizer(vocabularies.scoredDefinition()),
    ]
    // Those of tokenizer.json that have what an object needs.
    tokenizers += try TokenizerJSONFixture().tokenizers().map { try $0.tokenizer() }
    var ended = 0
    for tokenizer in tokenizers {
      guard
        let trie = try? TokenTrie(
          tokenizer, vocabularySize: tokenizer.vocabularyCount, endTokens: tokenizer.endOfGenerationTokens)
      else { continue }
      let texts = (0..<tokenizer.vocabularyCount).map { trie.bytes(of: $0) ?? [] }
      for grammar in try [Grammar.jsonSchema(Self.schema), Grammar.jsonObject()] {
        let masks = try GrammarMasks(grammar, trie)
        for _ in 0..<12 {
          guard let text = try walk(masks.begin(), trie, texts, &random) else { continue }
          ended += 1
          var recognizer = GrammarRecognizer(grammar)
          #expect(try recognizer.accepts(text))
          // No grammar here: a parser, which knows nothing of them.
          let value = try JSONValue(parsing: text, options: .request)
          #expect(value.objectValue != nil)
          #expect(String(validating: text, as: UTF8.self) != nil)
        }
      }
    }
    #expect(ended > 100)
  }

  @Test("deep texts end where the bound is, and close again")
  func depth() throws {
    let masks = try GrammarMasks(try .gbnf("root ::= \"(\" root \")\" \"x\"? | \"\""), Self.trie())
    var progress = masks.begin()
    var count = 0
    while count < 10_000 {
      var next = progress
      guard (try? next.append(40)) != nil else { break }
      progress = next
      count += 1
    }
    #expect(try !ids(progress.mask()).contains(40))
    #expect((1_000..<10_000).contains(count))
    for _ in 0..<count { try progress.append(41) }
    #expect(progress.isComplete)
    #expect(throws: GrammarError.self) { try progress.append(41) }
  }

  @Test("many states are given up and made anew, and change nothing")
  func renewal() throws {
    let grammar = try Grammar.jsonSchema(#"{"type": "array", "items": {"type": "string", "maxLength": 900}}"#)
    let trie = Self.trie()
    let first = try GrammarTables(grammar, trie)
    var state = try first.step(first.start, Array(#"["abc", "de"#.utf8))
    let second = try GrammarTables(grammar, trie)
    var moved = second.adopt(state, from: first)
    for byte in Array(#"f", ""]"#.utf8) {
      #expect(try first.mask(state) == second.mask(moved))
      (state, moved) = (try first.step(state, [byte]), try second.step(moved, [byte]))
    }
    #expect(first.isEnd(state) && second.isEnd(moved) && !second.goesOn(moved))
  }

  @Test("control tokens are no text: a mark no text has stands around theirs")
  func controlTokens() throws {
    let tokenizer = try Tokenizer(SmallVocabularies.load().bytePairDefinition("gpt-2"))
    let trie = try TokenTrie(tokenizer, vocabularySize: tokenizer.vocabularyCount, endTokens: [2])
    let masks = try GrammarMasks(try .gbnf("root ::= .*"), trie)
    let allowed = Set(ids(try masks.begin().mask()))
    for id in 0..<tokenizer.vocabularyCount where tokenizer.isControl(id) { #expect(allowed.contains(id) == (id == 2)) }
    #expect(allowed.count > 200)
  }
}
