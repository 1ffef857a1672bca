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

  private(set) var tokens: [Token] = []
  private var plain = ByteTrie()
  private var normalized = ByteTrie()
  private var hasPlain = false
  private(set) var hasNormalized = false

  /// - Parameter normalize: what the vocabulary's normalizers make of a token's content.
  init(_ tokens: [Token], normalize: ([UInt8]) throws(TextError) -> [UInt8]) throws(TextError) {
    self.tokens = tokens
    for (index, token) in tokens.enumerated() where !token.content.isEmpty {
      if token.isNormalized {
        normalized.insert(try normalize(token.content), index)
        hasNormalized = true
      } else {
        plain.insert(token.content, index)
        hasPlain = true
      }
    }
  }

  /// Splits text at the tokens.
  /// - Parameters:
  ///   - inNormalized: looks for those that are found in normalized text; else for the others.
  ///   - parseSpecial: looks for special tokens too.
  func split(
    _ text: UnsafeBufferPointer<UInt8>, inNormalized: Bool, parseSpecial: Bool
  ) -> [SpecialTokenMatcher.Part] {
    guard inNormalized ? hasNormalized : hasPlain else { return text.isEmpty ? [] : [.text(0..<text.count)] }
    let trie = inNormalized ? normalized : plain
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
