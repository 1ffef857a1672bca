/// Tokens that are found in text before anything else is, by the rules of Hugging Face's tokenizers: from left to right,
/// the longest at each place; some in the text as it is, the others in the normalized text.
struct AddedTokens: Sendable {
  /// A token that was added to a vocabulary.
  struct Token: Sendable {
    var id: Int
    var content: [UInt8]
    /// Whether it is found only between characters that are no part of a word.
    var isWord = false
    /// Whether it takes the whitespace before it.
    var stripsLeft = false
    /// Whether it takes the whitespace after it.
    var stripsRight = false
    /// Whether it is found in normalized text.
    var isNormalized = false
    /// Whether it steers the model and is no text.
    var isSpecial = false
  }

  /// Which of the tokens a text is split at.
  enum Kind {
    /// Those that are found in the text as it is.
    case plain
    /// Those that are found in normalized text.
    case normalized
    /// Of these the special ones, by their texts as they are.
    case marker
  }

  private(set) var tokens: [Token] = []
  private var plain = ByteTrie()
  private var normalized = ByteTrie()
  private var markers = ByteTrie()

  /// - Parameter normalize: makes of a token's content what the vocabulary's normalizers make of it.
  init(
    _ tokens: [Token], normalize: (inout [UInt8], inout GrowthLimit) throws(TextError) -> Void
  ) throws(TextError) {
    self.tokens = tokens
    var limit = GrowthLimit()
    for (index, token) in tokens.enumerated() where !token.content.isEmpty {
      guard token.isNormalized else {
        plain.insert(token.content, index)
        continue
      }
      limit.add(bytes: token.content.count)
      var content = token.content
      try normalize(&content, &limit)
      normalized.insert(content, index)
      if token.isSpecial { markers.insert(token.content, index) }
    }
  }

  /// Splits text at the tokens of a kind.
  /// - Parameter parseSpecial: looks for special tokens too.
  func split(
    _ text: UnsafeBufferPointer<UInt8>, at kind: Kind, parseSpecial: Bool
  ) -> [SpecialTokenMatcher.Part] {
    let trie =
      switch kind {
      case .plain: plain
      case .normalized: normalized
      case .marker: markers
      }
    if trie.isEmpty { return text.isEmpty ? [] : [.text(0..<text.count)] }
    var parts: [SpecialTokenMatcher.Part] = []
    var free = 0
    var position = 0
    while position < text.count {
      guard let match = trie.longest(text, position, text.count) else {
        position += 1
        continue
      }
      let token = tokens[match.value]
      var (start, end) = (position, match.end)
      position = match.end
      if start < free || token.isSpecial && !parseSpecial { continue }
      if token.isWord, Self.isWord(text, before: start) || Self.isWord(text, at: end) { continue }
      if token.stripsLeft { while start > free, let length = Self.space(text, before: start) { start -= length } }
      if token.stripsRight { while end < text.count, let length = Self.space(text, at: end) { end += length } }
      start = max(start, free)
      if start > free { parts.append(.text(free..<start)) }
      parts.append(.token(token.id))
      free = end
    }
    if free < text.count { parts.append(.text(free..<text.count)) }
    return parts
  }

  private static let wordScalars = UnicodeTable.version16.rustWordScalars

  private static func isWord(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
    guard position < text.count else { return false }
    return wordScalars.contains(UTF8Scan.scalar(text, position, text.count).value)
  }

  private static func isWord(_ text: UnsafeBufferPointer<UInt8>, before position: Int) -> Bool {
    guard let start = start(text, before: position) else { return false }
    return wordScalars.contains(UTF8Scan.scalar(text, start, position).value)
  }

  /// The length of the whitespace scalar at a place.
  private static func space(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Int? {
    let (value, length) = UTF8Scan.scalar(text, position, text.count)
    return UnicodeTable.whitespace.contains(value) ? length : nil
  }

  private static func space(_ text: UnsafeBufferPointer<UInt8>, before position: Int) -> Int? {
    guard let start = start(text, before: position) else { return nil }
    return UnicodeTable.whitespace.contains(UTF8Scan.scalar(text, start, position).value) ? position - start : nil
  }

  /// Where the scalar before a place begins.
  private static func start(_ text: UnsafeBufferPointer<UInt8>, before position: Int) -> Int? {
    guard position > 0 else { return nil }
    var start = position - 1
    while start > 0, position - start < 4, text[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }
}
