/// Byte pair encoding (Sennrich et al., https://arxiv.org/abs/1508.07909): a word starts as characters, and the
/// neighbors whose merge ranks first become one token until no merge applies.
///
/// Byte-level vocabularies (GPT-2) come out of the same: each byte was made a character before.
struct BytePairEncoder: Sendable {
  /// The treatment of a character that is no token.
  enum UnknownRule: Sendable, Equatable {
    /// Nothing: its neighbors may merge.
    case dropped
    /// Nothing, but what lies on its two sides does not merge, as in llama.cpp.
    case keptApart
    /// This token; `isFused` makes one of several in a row.
    case token(Int, isFused: Bool)
  }

  /// Which words that are tokens are taken as they are, whatever the merges say.
  enum WholeWords: Sendable { case none, newlines, all }

  /// Choices in which vocabularies differ.
  struct Options: Sendable {
    var unknown = UnknownRule.dropped
    /// Whether a character that is no token becomes the tokens `<0xE2>` of its bytes, if all of them exist.
    var fallsBackToBytes = false
    var wholeWords = WholeWords.none
    /// The beginning of the tokens of all characters but a word's first.
    var continuingPrefix: [UInt8] = []
    /// The end of the token of a word's last character.
    var wordSuffix: [UInt8] = []
  }

  let vocabulary: ByteStringTable
  let options: Options
  /// (left token, right token) → rank in the upper half, merged token in the lower.
  let merges: FlatTable
  /// The tokens of the scalars up to U+07FF, or -1.
  private let shortTokens: [Int32]
  /// The tokens `<0x00>` to `<0xFF>`, or -1.
  private let byteTokens: [Int32]

  /// Resolves the merges of a vocabulary, two tokens each: `merge` gives those of a rank.
  init(
    _ vocabulary: ByteStringTable, merges: MergeList, options: Options
  ) throws(TextError) {
    self.vocabulary = vocabulary
    self.options = options
    self.merges = try merges.resolve(vocabulary, continuingPrefix: options.continuingPrefix)
    shortTokens = (0..<0x800).map { value in
      var bytes: [UInt8] = []
      UTF8Scan.append(UInt32(value), to: &bytes)
      return Int32(truncatingIfNeeded: vocabulary.id(of: bytes) ?? -1)
    }
    byteTokens = options.fallsBackToBytes ? vocabulary.byteTokens() : []
  }

  /// Whether words are made of nothing but their characters.
  private var isPlain: Bool { options.continuingPrefix.isEmpty && options.wordSuffix.isEmpty }
  /// Whether each character of ASCII that can be seen is a token by itself.
  var knowsASCII: Bool { isPlain && (0x21...0x7E).allSatisfy { shortTokens[$0] >= 0 } }
  /// Of each byte whether it is one: by its own token, or by the character that stands for it.
  func knownBytes(areCharacters: Bool) -> [Bool] {
    guard isPlain, areCharacters || byteTokens.count == 256 else { return Array(repeating: false, count: 256) }
    return areCharacters
      ? ByteLevelAlphabet.scalars.map { shortTokens[Int($0)] >= 0 }
      : byteTokens.map { $0 >= 0 }
  }

  /// Adds the tokens of a word.
  func encode(_ word: UnsafeBufferPointer<UInt8>, _ chain: inout MergeChain, into output: inout [Int]) {
    if takesWhole(word), let id = vocabulary.id(of: word) {
      output.append(id)
      return
    }
    chain.removeAll()
    var position = 0
    while position < word.count {
      let (value, length) = UTF8Scan.scalar(word, position, word.count)
      let token =
        if isPlain, value < 0x800, length <= 2 { shortTokens[Int(value)] } else {
          longToken(word, position, position + length)
        }
      if token >= 0 {
        chain.append(token: token, start: position, size: length)
      } else {
        appendUnknown(word, position, length, &chain)
      }
      position += length
    }
    chain.merge { left, right in
      if left.token < 0 || right.token < 0 { return nil }
      let key = UInt64(UInt32(bitPattern: left.token)) << 32 | UInt64(UInt32(bitPattern: right.token))
      guard let value = merges[key] else { return nil }
      return MergeChain.Candidate(
        priority: UInt32(truncatingIfNeeded: value >> 32), token: Int32(truncatingIfNeeded: value))
    }
    for symbol in chain.symbols where symbol.size != 0 && symbol.token >= 0 { output.append(Int(symbol.token)) }
  }

  private func takesWhole(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
    switch options.wholeWords {
    case .none: false
    case .newlines: word.allSatisfy { $0 == 0x0A }
    case .all: true
    }
  }

  /// The token of the character from `start` to `end`, with prefix and suffix where they belong.
  private func longToken(_ word: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int32 {
    let isPlain =
      (start == 0 || options.continuingPrefix.isEmpty) && (end < word.count || options.wordSuffix.isEmpty)
    let bytes = UnsafeBufferPointer(rebasing: word[start..<end])
    let id = isPlain ? vocabulary.id(of: bytes) : vocabulary.id(of: name(bytes, start > 0, end == word.count))
    return Int32(truncatingIfNeeded: id ?? -1)
  }

  private func name(_ bytes: UnsafeBufferPointer<UInt8>, _ continues: Bool, _ isLast: Bool) -> [UInt8] {
    (continues ? options.continuingPrefix : []) + bytes + (isLast ? options.wordSuffix : [])
  }

  private func appendUnknown(
    _ word: UnsafeBufferPointer<UInt8>, _ start: Int, _ length: Int, _ chain: inout MergeChain
  ) {
    if options.fallsBackToBytes {
      let bytes = name(
        UnsafeBufferPointer(rebasing: word[start..<start + length]), start > 0, start + length == word.count)
      if bytes.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
        for byte in bytes { chain.append(token: byteTokens[Int(byte)], start: start, size: 1) }
        return
      }
    }
    switch options.unknown {
    case .dropped: break
    case .keptApart: chain.append(token: -1, start: start, size: length)
    case .token(let id, let isFused):
      let token = Int32(truncatingIfNeeded: id)
      if isFused, chain.extendLast(ifToken: token, by: length) { break }
      chain.append(token: token, start: start, size: length)
    }
  }
}
