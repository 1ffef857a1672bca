import TesseraJSON
import TestSupport
import Testing

@testable import TesseraText

@Suite("Grammars: hostile input")
struct GrammarFuzzTests {
  private static let seeds: [(read: @Sendable (String) throws -> Grammar, texts: [String])] = [
    (
      { try .jsonSchema($0) },
      [
        ##"{"type":"object","properties":{"a":{"$ref":"#/$defs/x"},"b":{"enum":[1,"a",null]}},"required":["a"]}"##,
        ##"{"$defs":{"x":{"anyOf":[{"type":"integer","minimum":-3.5},{"type":"array","items":{"$ref":"#"}}]}}}"##,
        #"{"allOf":[{"type":"object","additionalProperties":false},{"oneOf":[{"const":1},{"type":"string"}]}]}"#,
        #"{"type":["string","number"],"pattern":"^a[b-d]{2,3}$","minLength":2,"maximum":1.25,"format":"date"}"#,
      ]
    ),
    (
      { try .regularExpression($0) },
      ["(a|b[c-e]{2,3}?)*\\d+[^\\w\\]]|^x$", "(?:(?<n>a?){3}|\\u{1F600}|\\x41)+", "[a-\\d-z]{,3}"]
    ),
    (
      { try .gbnf($0) },
      [
        "root ::= (a | \"b\\x41\" [^c-e\\]]{2,3})* # x\na ::= \"y\" root?\n",
        "root ::= a{2,} .\na ::= [a-z]+ |\n  \"q\"\n",
      ]
    ),
  ]

  @Test("random and changed text is refused or read, and read grammars are followed", arguments: 0..<3)
  func fuzz(index: Int) {
    var random = RepeatableGenerator(state: UInt64(index))
    let (read, texts) = Self.seeds[index]
    let pieces =
      Array("{}[]()\"\\|*+?^$.,:-#/<>!&0129azAZé\n\t \u{0}\u{FF}😀").map { String($0) }
      + ["$ref", "#", "anyOf", "{1,9}", "{999999}", "(?:", "::=", "root", "\\u", "true", "null", "1e999", "-0.5"]
    var isRead = 0
    for _ in 0..<1_500 {
      var characters = Array(texts.randomElement(using: &random) ?? "").map { String($0) }
      for _ in 0..<Int(random.next() % 6) {
        let place = Int(random.next() % UInt64(characters.count + 1))
        switch random.next() % 4 {
        case 0 where place < characters.count: characters.remove(at: place)
        case 1 where place < characters.count: characters[place] = pieces.randomElement(using: &random) ?? ""
        case 2:
          let length = min(characters.count - place, Int(random.next() % 12))
          characters.insert(
            contentsOf: characters[place..<place + length], at: Int(random.next() % UInt64(characters.count + 1)))
        default: characters.insert(pieces.randomElement(using: &random) ?? "", at: place)
        }
      }
      if random.next() % 8 == 0 { characters = (0..<20).map { _ in pieces.randomElement(using: &random) ?? "" } }
      guard let grammar = try? read(characters.joined()) else { continue }
      isRead += 1
      var automaton = GrammarAutomaton(grammar)
      guard var state = try? automaton.start() else { continue }
      for _ in 0..<20 {
        automaton.beginWork()
        // Bytes that lead on, where there are some.
        let bytes = (UInt8.min...UInt8.max).filter { ((try? automaton.step(state, $0)) ?? 0) != GrammarAutomaton.dead }
        // Nobody is led to a place from which no end is reached.
        #expect(!bytes.isEmpty || automaton.isEnd[Int(state)])
        guard let byte = bytes.randomElement(using: &random), let next = try? automaton.step(state, byte) else { break }
        state = next
      }
    }
    #expect(isRead > 50)
  }

  @Test("what grows without bound is refused, or bounded, within the time of a request", .timeLimit(.minutes(60)))
  func evil() throws {
    let start = processorTime()
    defer { #expect(processorTime() - start < .seconds(120)) }
    func refuses(_ body: () throws -> Grammar) -> Bool {
      do { _ = try body() } catch { return (error as? GrammarError)?.code == .tooComplex }
      return false
    }
    let doubled = (0..<30).map { index in
      let next = ##"{"$ref":"#/$defs/a\##(index + 1)"}"##
      return ##""a\##(index)":{"allOf":[\##(next),\##(next)]}"##
    }
    .joined(separator: ",")
    #expect(refuses { try .jsonSchema(##"{"$ref":"#/$defs/a0","minimum":1,"$defs":{\##(doubled),"a30":{}}}"##) })
    let options = (0..<80).map { #"{"const":\#($0)}"# }.joined(separator: ",")
    #expect(refuses { try .jsonSchema(#"{"oneOf":[\#(options)]}"#) })
    let names = (0..<3_000).map { #""p\#($0)":{}"# }.joined(separator: ",")
    #expect(refuses { try .jsonSchema(#"{"properties":{\#(names)}}"#) })
    #expect(
      refuses {
        try .regularExpression("((((a{1000}){1000}){1000}b{9}){1000}c|" + String(repeating: "a", count: 20_000))
      })
    #expect(refuses { try .regularExpression(String(repeating: "a", count: 30_000)) })
    #expect(refuses { try .gbnf("root ::= " + String(repeating: "(", count: 5_000)) })
    #expect(refuses { try .gbnf(String(repeating: "x", count: 2 << 20)) })

    // Nested repetitions and ways that are alike: many places, few states.
    for pattern in [
      "(a*)*b", "(a|aa)+b", "((a?){50}){50}", "(a{1,100}){1,100}", "(a|b|ab)*(a|b|ab)*(a|b|ab)*c", ".*a.{30}",
    ] {
      var recognizer = GrammarRecognizer(try .regularExpression(pattern))
      _ = try? recognizer.accepts([UInt8](repeating: 0x61, count: 300))
    }
    // Ambiguous to no end: refused while it is followed.
    var recognizer = GrammarRecognizer(
      try .gbnf("root ::= \"a\" root root | \"a\" root | \"a\" x root | \"a\"\nx ::= root | root root"))
    #expect(throws: GrammarError.self) { try recognizer.accepts([UInt8](repeating: 0x61, count: 5_000)) }
  }
}
