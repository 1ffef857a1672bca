/// A step that cuts text into the pieces that the model then encodes, each on its own.
enum PreTokenizer: Sendable {
  /// Cuts at the matches of a pattern.
  case split(TextPattern, SplitBehavior, isInverted: Bool = false)
  /// Puts a space before each piece that does not begin with one.
  case prefixSpace
  /// Replaces each byte by the character that stands for it in byte-level vocabularies.
  case byteLevel
  /// Replaces spaces, and marks the beginnings of words (SentencePiece's `▁`).
  case metaspace(replacement: [UInt8], prefix: MetaspacePrefix, split: TextPattern?)
  /// Cuts after every so many characters.
  case fixedLength(Int)
  /// Cuts runs of digits into groups of three, counted from the right. `atWordEnds` does so only with those before which
  /// a word ends, and takes them apart from what is around them.
  case digitGroups(atWordEnds: Bool)

  /// Where `metaspace` puts its mark before a piece that does not begin with one.
  enum MetaspacePrefix: String, Sendable { case always, first, never }

  /// Cuts the pieces further, whose text may still grow by a limit.
  func apply(_ pieces: inout TextPieces, _ limit: inout GrowthLimit) throws(TextError) {
    switch self {
    case .split(let pattern, let behavior, let isInverted):
      try pieces.split(pattern, behavior, isInverted: isInverted)
    case .prefixSpace:
      try pieces.rewrite(&limit) { piece, _, output in
        if piece.first != 0x20 { output.append(0x20) }
        output += piece
      }
    case .byteLevel: try pieces.rewrite(&limit) { piece, _, output in ByteLevelAlphabet.append(piece, to: &output) }
    case .metaspace(let replacement, let prefix, let split):
      try pieces.rewrite(&limit) { piece, isFirst, output in
        let isPrefixed = prefix == .always || prefix == .first && isFirst
        if isPrefixed, piece.first != 0x20, !piece.starts(with: replacement) { output += replacement }
        for byte in piece {
          if byte == 0x20 { output += replacement } else { output.append(byte) }
        }
      }
      if let split { try pieces.split(split, .mergedWithNext, isInverted: false) }
    case .fixedLength(let length): pieces.cut(every: length)
    case .digitGroups(let atWordEnds): pieces.groupDigits(atWordEnds: atWordEnds)
    }
  }
}
