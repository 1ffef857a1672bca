/// Turns tokens into text one at a time, never half a character.
///
/// A token may end within a character: its last bytes are held back until the character is complete or is known to be
/// no UTF-8, in which case it becomes U+FFFD. Where the decoder must see the next token first (a byte among `<0xE2>`
/// tokens, a word's end), a token's text comes one token later. However the tokens come, the pieces add up to what `Tokenizer.decode`
/// gives, except that a space which SentencePiece puts before a text stays where it follows on a prompt.
package struct StreamingDetokenizer: Sendable {
  private let tokenizer: Tokenizer
  private var stream: DecoderStream
  /// The beginning of a character, at most 3 bytes.
  private var pending: [UInt8] = []

  /// A detokenizer for one sequence of tokens.
  /// - Parameter beginsText: whether the text is one of its own and follows on no prompt.
  package init(_ tokenizer: Tokenizer, beginsText: Bool = false) {
    self.tokenizer = tokenizer
    stream = DecoderStream(tokenizer.components.decoder, beginsText: beginsText)
  }

  /// The text that a token completes, which may be empty. Control tokens stand for no text.
  /// - Throws: `TextError` `.tokenOutOfRange` for an id that is no token.
  package mutating func append(_ id: Int) throws(TextError) -> String {
    try tokenizer.check(id)
    if tokenizer.isControl(id) { return "" }
    try stream.push(tokenizer.storedPiece(id), into: &pending)
    let complete = pending.count - Self.incompleteSuffix(pending)
    let text = String(decoding: pending[..<complete], as: UTF8.self)
    pending.removeFirst(complete)
    return text
  }

  /// The rest at the end of the tokens: U+FFFD for a character that was never completed.
  package mutating func finish() -> String {
    defer { pending = [] }
    // Only a pattern that took too long can fail here, and the text of that token is lost.
    try? stream.finish(into: &pending)
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end could become a character with more bytes after them.
  private static func incompleteSuffix(_ bytes: [UInt8]) -> Int {
    for count in stride(from: min(3, bytes.count), to: 0, by: -1) {
      let suffix = bytes.suffix(count)
      guard let lead = suffix.first, count < length(lead) else { continue }
      let rest = suffix.dropFirst()
      guard let second = rest.first else { return count }
      if secondBytes(lead).contains(second), rest.dropFirst().allSatisfy({ 0x80...0xBF ~= $0 }) { return count }
    }
    return 0
  }

  /// The length of a character by its first byte; 1 for what begins none.
  private static func length(_ lead: UInt8) -> Int {
    switch lead {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 1
    }
  }

  /// The bytes that may come second (Unicode, table 3-7): no overlong forms, no surrogates, nothing over U+10FFFF.
  private static func secondBytes(_ lead: UInt8) -> ClosedRange<UInt8> {
    switch lead {
    case 0xE0: 0xA0...0xBF
    case 0xED: 0x80...0x9F
    case 0xF0: 0x90...0xBF
    case 0xF4: 0x80...0x8F
    default: 0x80...0xBF
    }
  }
}
