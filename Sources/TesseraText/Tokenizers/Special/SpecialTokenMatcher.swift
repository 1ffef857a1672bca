/// Finds special tokens in text.
///
/// The rule is llama.cpp's: the longest special token first, everywhere in the text from left to right, then the next
/// longest in what is left, and so on; ties go to the smaller id. A trie finds what starts at each byte, and a heap
/// takes the finds in the order of the rule, so that thousands of special tokens cost no more than one.
struct SpecialTokenMatcher: Sendable {
  /// A part of the text: a special token, or a range of bytes that still has to be encoded.
  enum Part: Equatable {
    case token(Int)
    case text(Range<Int>)
  }

  private struct Match {
    var rank: Int
    var length: Int
  }

  /// The tokens in the order of the rule, and what each takes besides its text.
  private var tokens: [(id: Int, attributes: SpecialTokens.Attributes)] = []
  /// The tokens' texts with their indices in `tokens`.
  private var trie = ByteTrie()

  /// A matcher of the tokens with these ids, which must have distinct texts. Empty texts never match.
  init(ids: [Int], texts: ByteStrings, attributes: [SpecialTokens.Attributes]) {
    let ordered = ids.filter { !texts.range($0).isEmpty }.sorted {
      let (left, right) = (texts.range($0).count, texts.range($1).count)
      return left != right ? left > right : $0 < $1
    }
    for id in ordered {
      trie.insert(texts.slice(id), tokens.count)
      tokens.append((id, attributes[id]))
    }
  }

  /// The longest token that starts at `start` and has fewer than `limit` bytes.
  private func longest(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, below limit: Int) -> Match? {
    trie.longest(text, start, min(text.count, limit == .max ? .max : start + limit - 1)).map {
      Match(rank: $0.value, length: $0.end - start)
    }
  }

  /// Whether a byte of the text could begin a token's text.
  func mayBegin(in text: UnsafeBufferPointer<UInt8>) -> Bool { text.contains { trie.child(ByteTrie.root, $0) != 0 } }

  /// The longest token's text that begins at each place where one does; they may overlap.
  func occurrences(in text: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
    text.indices.compactMap { start in longest(text, start, below: .max).map { start..<start + $0.length } }
  }

  /// The part of a token's text that stands somewhere.
  enum Beginning {
    case none
    /// As far as a cut, the last that it reaches.
    case part(end: Int)
    case whole
  }

  /// Whether a token's text begins at `start`: as a whole, or in part up to a cut.
  ///
  /// - Parameter isCut: for each byte and the end of the text, whether a cut is before it.
  func beginning(at start: Int, in text: UnsafeBufferPointer<UInt8>, isCut: [Bool]) -> Beginning {
    var node = ByteTrie.root
    var end = start
    var found = Beginning.none
    while end < text.count {
      node = trie.child(node, text[end])
      if node == 0 { break }
      end += 1
      if trie.values[node] >= 0 { return .whole }
      if isCut[end] { found = .part(end: end) }
    }
    return found
  }

  /// Splits at most `Int32.max` bytes of text.
  func split(_ text: UnsafeBufferPointer<UInt8>) -> [Part] {
    if text.isEmpty { return [] }
    var queue = MergeQueue()
    var isAny = false
    if !tokens.isEmpty {
      for start in 0..<text.count {
        guard let match = longest(text, start, below: .max) else { continue }
        queue.push(entry(match, start))
        isAny = true
      }
    }
    return isAny ? place(&queue, in: text) : [.text(0..<text.count)]
  }

  private func entry(_ match: Match, _ start: Int) -> MergeQueue.Entry {
    MergeQueue.Entry(
      key: UInt64(match.rank) << 32 | UInt64(start), right: 0, size: Int32(truncatingIfNeeded: match.length),
      token: Int32(truncatingIfNeeded: match.rank))
  }

  private func place(_ queue: inout MergeQueue, in text: UnsafeBufferPointer<UInt8>) -> [Part] {
    var isTaken = [Bool](repeating: false, count: text.count)
    var placed: [(start: Int, length: Int, id: Int)] = []
    while let entry = queue.pop() {
      let start = entry.left
      let end = start + Int(entry.size)
      if isTaken[start] { continue }
      // Whatever is placed already is at least as long, so an overlap shows at one of the two ends.
      if isTaken[end - 1] {
        if let shorter = longest(text, start, below: Int(entry.size)) { queue.push(self.entry(shorter, start)) }
        continue
      }
      let token = tokens[Int(entry.token)]
      placed.append((start, end - start, token.id))
      for index in start..<end { isTaken[index] = true }
      var index = start - 1
      while token.attributes.contains(.stripsLeft), index >= 0, !isTaken[index], isSpace(text[index]) {
        isTaken[index] = true
        index -= 1
      }
      index = end
      while token.attributes.contains(.stripsRight), index < text.count, !isTaken[index], isSpace(text[index]) {
        isTaken[index] = true
        index += 1
      }
    }
    placed.sort { $0.start < $1.start }
    var parts: [Part] = []
    var index = 0
    for item in placed {
      appendFree(index..<item.start, isTaken, &parts)
      parts.append(.token(item.id))
      index = item.start + item.length
    }
    appendFree(index..<text.count, isTaken, &parts)
    return parts
  }

  /// Adds the text between two tokens, less the whitespace that they took.
  private func appendFree(_ range: Range<Int>, _ isTaken: [Bool], _ parts: inout [Part]) {
    guard let first = range.first(where: { !isTaken[$0] }) else { return }
    let last = range.last { !isTaken[$0] } ?? first
    parts.append(.text(first..<last + 1))
  }

  /// Whitespace in ASCII.
  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0D ~= byte }
}
