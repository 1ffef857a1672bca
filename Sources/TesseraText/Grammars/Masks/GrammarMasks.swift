/// A grammar over a vocabulary: which tokens may follow. Shared by all requests that ask for the grammar; not by
/// threads.
package final class GrammarMasks {
  private let grammar: Grammar
  private let trie: TokenTrie
  private var tables: GrammarTables

  package init(_ grammar: Grammar, _ trie: TokenTrie) throws(GrammarError) {
    (self.grammar, self.trie) = (grammar, trie)
    tables = try GrammarTables(grammar, trie)
  }

  /// A text that follows the grammar, token by token.
  package func begin() -> GrammarProgress { GrammarProgress(self, tables, tables.start) }

  /// The tables in which a state is followed from now on.
  fileprivate func current(_ tables: GrammarTables, _ state: Int32) throws(GrammarError) -> (GrammarTables, Int32) {
    if self.tables.isFull { self.tables = try GrammarTables(grammar, trie) }
    return tables === self.tables ? (tables, state) : (self.tables, self.tables.adopt(state, from: tables))
  }
}

/// How far a text has come in its grammar.
package struct GrammarProgress {
  private let masks: GrammarMasks
  private var tables: GrammarTables
  private var state: Int32

  fileprivate init(_ masks: GrammarMasks, _ tables: GrammarTables, _ state: Int32) {
    (self.masks, self.tables, self.state) = (masks, tables, state)
  }

  /// Whether the text is complete: it may end here.
  package var isComplete: Bool { tables.isEnd(state) }

  /// Whether the text is complete, and nothing may follow.
  package var isFinished: Bool { isComplete && !tables.goesOn(state) }

  /// The tokens that may be next: a bit for each.
  /// - Throws: `GrammarError` `.tooComplex`.
  package func mask() throws(GrammarError) -> [UInt32] {
    var mask = try tables.mask(state)
    if isComplete {
      for id in tables.trie.endTokens { mask[id >> 5] |= 1 << UInt32(id & 31) }
    }
    return mask
  }

  /// Takes the next token, which is none that ends the answer.
  /// - Throws: `GrammarError` `.noToken` for one that must not follow.
  package mutating func append(_ token: Int) throws(GrammarError) {
    guard let bytes = tables.trie.bytes(of: token) else { throw Self.forbidden(token) }
    (tables, state) = try masks.current(tables, state)
    state = try tables.step(state, bytes)
    guard state != GrammarAutomaton.dead else { throw Self.forbidden(token) }
  }

  private static func forbidden(_ token: Int) -> GrammarError {
    GrammarError(.noToken, "token \(token) does not follow the grammar here")
  }
}
