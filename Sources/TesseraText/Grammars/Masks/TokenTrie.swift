/// The bytes of all tokens of a vocabulary as a tree, in the order in which it is walked.
package struct TokenTrie: Sendable {
  /// Before and behind the text of a control token, which is no UTF-8 then: only a grammar that names it allows it.
  static let controlMark: UInt8 = 0xFF

  /// Of each node the byte that leads to it from the one above; node 0 is the root.
  let bytes: [UInt8]
  let depths: [UInt16]
  /// Of each node the first one that is not below it.
  let ends: [Int32]
  let parents: [Int32]
  /// Of each node its tokens: from its entry on to the next one's.
  let firstIDs: [Int32]
  let ids: [Int32]
  /// Of each token its node; 0 for those that stand for nothing.
  let nodes: [Int32]
  /// The most bytes of a token.
  let longest: Int
  /// Tokens that end an answer.
  package let endTokens: Set<Int>
  /// Columns of the logits.
  package let vocabularySize: Int
  var wordCount: Int { (vocabularySize + 31) / 32 }

  /// - Parameters:
  ///   - texts: of each token what it stands for; empty for one that must not be generated.
  ///   - vocabularySize: columns of the logits; tokens beyond are left out.
  init(_ texts: [[UInt8]], vocabularySize: Int, endTokens: Set<Int>) {
    let order = texts.indices.prefix(vocabularySize)
      .filter { !texts[$0].isEmpty && texts[$0].count <= Int(UInt16.max) && !endTokens.contains($0) }
      .sorted { texts[$0].lexicographicallyPrecedes(texts[$1]) || (texts[$0] == texts[$1] && $0 < $1) }
    var bytes: [UInt8] = [0]
    var depths: [UInt16] = [0]
    var parents: [Int32] = [0]
    var firstIDs: [Int32] = [0]
    var ids: [Int32] = []
    var nodes = [Int32](repeating: 0, count: max(vocabularySize, 0))
    var path: [Int32] = [0]
    var last: [UInt8] = []
    for id in order {
      let text = texts[id]
      let shared = zip(text, last).prefix { $0 == $1 }.count
      path.removeSubrange((shared + 1)...)
      for byte in text[shared...] {
        parents.append(path[path.count - 1])
        path.append(Int32(bytes.count))
        depths.append(UInt16(path.count - 1))
        bytes.append(byte)
        firstIDs.append(Int32(ids.count))
      }
      ids.append(Int32(id))
      nodes[id] = path[path.count - 1]
      last = text
    }
    firstIDs.append(Int32(ids.count))
    var ends = [Int32](repeating: Int32(bytes.count), count: bytes.count)
    // From the last node on: a node ends where the next one that is no deeper begins.
    var open: [Int32] = []
    for node in bytes.indices.reversed() {
      while let top = open.last, depths[Int(top)] > depths[node] { open.removeLast() }
      ends[node] = open.last ?? Int32(bytes.count)
      open.append(Int32(node))
    }
    (self.bytes, self.depths, self.ends, self.parents) = (bytes, depths, ends, parents)
    (self.firstIDs, self.ids, self.nodes) = (firstIDs, ids, nodes)
    longest = depths.max().map { Int($0) } ?? 0
    self.endTokens = endTokens.filter { (0..<vocabularySize).contains($0) }
    self.vocabularySize = vocabularySize
  }

  /// The bytes that lead to a node.
  func path(to node: Int32) -> [UInt8] {
    var path: [UInt8] = []
    var node = node
    while node != 0 {
      path.append(bytes[Int(node)])
      node = parents[Int(node)]
    }
    return path.reversed()
  }

  /// The bytes of a token; nil for one that stands for nothing.
  func bytes(of id: Int) -> [UInt8]? {
    guard nodes.indices.contains(id), nodes[id] != 0 else { return nil }
    return path(to: nodes[id])
  }
}

extension TokenTrie {
  /// The tokens of a tokenizer.
  ///
  /// - Throws: `TextError` `.unsupportedComponent` where a token's text depends on those beside it.
  package init(_ tokenizer: Tokenizer, vocabularySize: Int, endTokens: Set<Int>) throws(TextError) {
    var texts: [[UInt8]] = []
    texts.reserveCapacity(tokenizer.vocabularyCount)
    for step in tokenizer.components.decoder.steps {
      switch step {
      case .ctc, .wordSuffix:
        throw TextError(
          .unsupportedComponent,
          "grammars need tokens that stand for the same text everywhere, which this tokenizer's do not")
      default: break
      }
    }
    for id in 0..<tokenizer.vocabularyCount { texts.append(try tokenizer.textForGrammars(id)) }
    self.init(texts, vocabularySize: vocabularySize, endTokens: endTokens)
  }
}

extension Tokenizer {
  /// Whether a text is a control token, which is no text to a grammar (`TriggeredGrammar.isControlToken`).
  package func isControlTokenInGrammars(_ text: String) -> Bool {
    guard let id = token(named: text), let bytes = try? textForGrammars(id) else { return false }
    return bytes.first == TokenTrie.controlMark
  }

  /// The bytes that a token adds to an answer; those of control tokens between two marks.
  fileprivate func textForGrammars(_ id: Int) throws(TextError) -> [UInt8] {
    let stored = components.tokens.slice(id)
    let looksLikeMarker =
      !components.attributes[id].isDisjoint(with: .special) && SpecialTokens.looksLikeMarker(stored)
    if isControl(id) || looksLikeMarker {
      return stored.isEmpty ? [] : [TokenTrie.controlMark] + stored + [TokenTrie.controlMark]
    }
    if components.pieces == .asStored, components.decoder.steps.contains(where: \.isByteFallback),
      let byte = TokenDecoder.Step.byte(named: stored)
    {
      return [byte]
    }
    return try piece(id)
  }
}

extension TokenDecoder.Step {
  fileprivate var isByteFallback: Bool { if case .byteFallback = self { true } else { false } }
}
