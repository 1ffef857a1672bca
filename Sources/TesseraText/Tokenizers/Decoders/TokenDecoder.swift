/// How the texts of tokens become text again: steps, each of which may look at a token's neighbors.
struct TokenDecoder: Sendable {
  /// One step, by the name that `tokenizer.json` has for it.
  enum Step: Sendable {
    /// Characters of the byte-level alphabet become bytes.
    case byteLevel
    /// `▁` becomes a space, in the first token nothing.
    case metaspace(replacement: [UInt8], dropsFirst: Bool)
    /// A space before each token that does not go on with a word.
    case wordPiece(prefix: [UInt8], cleansUp: Bool)
    /// Tokens such as `<0xE2>` become bytes; U+FFFD each where they make no UTF-8.
    case byteFallback
    /// Tokens such as `<0xE2>` become bytes; U+FFFD for each that belongs to no UTF-8.
    case bytePieces
    /// Takes whitespace off both ends of the text.
    case trimmed
    /// All tokens become one.
    case fuse
    /// Takes up to so many of a character off the ends of each token.
    case strip(content: [UInt8], start: Int, stop: Int)
    case replace(TextPattern, [UInt8])
    /// One of equal tokens in a row, without the one that fills the gaps.
    case ctc(padding: [UInt8], delimiter: [UInt8], cleansUp: Bool)
    /// The mark of a word's end becomes a space, but not in the last token.
    case wordSuffix([UInt8])
    /// A space between tokens.
    case joined
    /// The first token loses a space that it begins with.
    case dropsFirstSpace
  }

  let steps: [Step]

  /// A decoder whose steps follow each other.
  init(_ steps: [Step]) { self.steps = steps }

  /// The bytes of some texts of tokens.
  func decode(_ tokens: some Sequence<[UInt8]>, beginsText: Bool = true) throws(TextError) -> [UInt8] {
    var stream = DecoderStream(self, beginsText: beginsText)
    var output: [UInt8] = []
    for token in tokens { try stream.push(token, into: &output) }
    try stream.finish(into: &output)
    return output
  }
}
