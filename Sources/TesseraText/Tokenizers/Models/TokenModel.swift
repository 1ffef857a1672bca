/// A model that turns the pieces of a text into tokens.
enum TokenModel: Sendable {
  case bytePair(BytePairEncoder)
  /// SentencePiece's BPE, which merges by the tokens' scores.
  case scoredPairs(SentencePieceEncoder)
  case unigram(UnigramEncoder)
  /// A SentencePiece model file.
  case pieces(PieceEncoder)
  case wordPiece(WordPieceEncoder)
  /// Each piece is a token.
  case wordLevel(ByteStringTable, unknownToken: Int?)

  /// Adds the tokens of each piece.
  /// - Throws: `TextError` `.missingByteToken` for what has no token.
  func encode(_ pieces: TextPieces, into output: inout [Int]) throws(TextError) {
    var chain = MergeChain()
    var lattice = UnigramEncoder.Lattice()
    let result = pieces.bytes.withUnsafeBufferPointer { text in
      Result { () throws(TextError) in
        var start = 0
        for end in pieces.ends {
          let piece = UnsafeBufferPointer(rebasing: text[start..<end])
          switch self {
          case .bytePair(let encoder): encoder.encode(piece, &chain, into: &output)
          case .scoredPairs(let encoder): try encoder.encode(piece, into: &output)
          case .unigram(let encoder): try encoder.encode(piece, &lattice, into: &output)
          case .pieces(let encoder): encoder.encode(piece, &lattice, into: &output)
          case .wordPiece(let encoder): try encoder.encode(piece, into: &output)
          case .wordLevel(let table, let unknownToken):
            guard let id = table.id(of: piece) ?? unknownToken else { throw TextError.unknownCharacter(piece[...]) }
            output.append(id)
          }
          start = end
        }
      }
    }
    try result.get()
  }
}

extension TextError {
  /// The error for text that no token stands for.
  static func unknownCharacter(_ bytes: some Collection<UInt8>) -> TextError {
    TextError(
      .missingByteToken,
      "\(quoted(bytes)) has no token, and the vocabulary has no unknown token; remove it from the text or repair the "
        + "model's files")
  }
}
