/// Tells whether texts follow a grammar.
package struct GrammarRecognizer {
  private var automaton: GrammarAutomaton

  package init(_ grammar: Grammar) { automaton = GrammarAutomaton(grammar) }

  /// Whether some bytes are a text of the grammar.
  /// - Throws: `GrammarError` `.tooComplex`.
  package mutating func accepts(_ bytes: some Sequence<UInt8>) throws(GrammarError) -> Bool {
    var state = try automaton.start()
    for byte in bytes {
      automaton.beginWork()
      state = try automaton.step(state, byte)
    }
    return automaton.isEnd[Int(state)]
  }
}
