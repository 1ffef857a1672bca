/// The states of a grammar that were reached over a vocabulary, and the tokens that each allows. Shared by all that
/// follow the grammar; not by threads.
final class GrammarTables {
  /// Bytes of states, and of masks, over which they are made anew.
  private static let stateBytes = 16 << 20
  private static let maskBytes = 8 << 20

  let trie: TokenTrie
  private(set) var automaton: GrammarAutomaton
  let start: Int32
  /// The masks of states, without tokens that end an answer.
  private var masks: [Int32: [UInt32]] = [:]
  /// Of upper states, with the nodes of the trie about which these say nothing.
  private var upperMasks: [Int32: (mask: [UInt32], open: [Int32])] = [:]

  init(_ grammar: Grammar, _ trie: TokenTrie) throws(GrammarError) {
    self.trie = trie
    automaton = GrammarAutomaton(grammar)
    start = try automaton.start()
  }

  /// Whether there is so much that it should be begun anew.
  var isFull: Bool { automaton.byteCount > Self.stateBytes }

  /// Takes over a state of others of the same grammar.
  func adopt(_ state: Int32, from other: GrammarTables) -> Int32 { automaton.adopt(state, from: other.automaton) }

  /// The state behind some bytes.
  func step(_ state: Int32, _ bytes: some Sequence<UInt8>) throws(GrammarError) -> Int32 {
    automaton.beginWork()
    var state = state
    for byte in bytes { state = try automaton.step(state, byte) }
    return state
  }

  /// Whether the text may end.
  func isEnd(_ state: Int32) -> Bool { automaton.isEnd[Int(state)] }

  /// Whether it may go on.
  func goesOn(_ state: Int32) -> Bool { automaton.goesOn(state) }

  /// The tokens that may follow, without those that end an answer.
  func mask(_ state: Int32) throws(GrammarError) -> [UInt32] {
    if let known = masks[state] { return known }
    automaton.beginWork()
    let upper = automaton.upper(state, reach: trie.longest)
    let known = upperMasks[upper]
    var (mask, open) = known ?? ([UInt32](repeating: 0, count: trie.wordCount), [])
    if known == nil {
      open = try automaton.walk(trie, from: 0, upper, &mask)
      if (upperMasks.count + 1) * mask.count * 4 > Self.maskBytes { upperMasks.removeAll() }
      upperMasks[upper] = (mask, open)
    }
    for node in open {
      // All about it depends on what is below the upper frames.
      var state = state
      for byte in trie.path(to: node) where state != GrammarAutomaton.dead { state = try automaton.step(state, byte) }
      if state != GrammarAutomaton.dead { _ = try automaton.walk(trie, from: node, state, &mask) }
    }
    if (masks.count + 1) * mask.count * 4 > Self.maskBytes { masks.removeAll() }
    masks[state] = mask
    return mask
  }
}

extension GrammarAutomaton {
  /// Allows the tokens of a node and of those below it, as far as the grammar goes.
  ///
  /// - Returns: nodes at which the grammar's state is open.
  mutating func walk(
    _ trie: TokenTrie, from root: Int32, _ state: Int32, _ mask: inout [UInt32]
  ) throws(GrammarError) -> [Int32] {
    var open: [Int32] = []
    var path = [Int32](repeating: Self.dead, count: trie.longest + 1)
    let end = Int(trie.ends[Int(root)])
    path[Int(trie.depths[Int(root)])] = state
    if root != 0 { trie.allow(Int(root), &mask) }
    var node = Int(root) + 1
    while node < end {
      let depth = Int(trie.depths[node])
      let next = try step(path[depth - 1], trie.bytes[node])
      if next == Self.dead {
        node = Int(trie.ends[node])
        continue
      }
      if isOpen[Int(next)] {
        open.append(Int32(node))
        node = Int(trie.ends[node])
        continue
      }
      trie.allow(node, &mask)
      path[depth] = next
      node += 1
    }
    return open
  }
}

extension TokenTrie {
  /// Allows the tokens of a node.
  fileprivate func allow(_ node: Int, _ mask: inout [UInt32]) {
    for index in firstIDs[node]..<firstIDs[node + 1] {
      let id = ids[Int(index)]
      mask[Int(id >> 5)] |= 1 << UInt32(id & 31)
    }
  }
}
