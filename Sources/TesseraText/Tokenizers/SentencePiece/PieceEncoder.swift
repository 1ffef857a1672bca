/// A SentencePiece model behind which a tokenizer has ids of its own: normalized text becomes pieces, and pieces
/// become tokens.
struct PieceEncoder: Sendable {
  private enum Model: Sendable {
    case unigram(UnigramEncoder)
    case pairs(SentencePieceEncoder)
  }

  private let model: Model
  /// The token of each piece.
  private let tokens: [Int32]
  /// The tokens of the bytes that unknown characters become, or none.
  private let byteTokens: [Int32]
  private let unknownToken: Int
  /// The tokens of unknown characters that the tokenizer knows by their text all the same.
  private let textTokens: ByteStringTable?

  /// - Parameters:
  ///   - tokens: the token of each piece.
  ///   - textTokens: tokens by their texts, where pieces are looked up by them.
  init(
    _ file: SentencePieceModel, tokens: [Int32], unknownToken: Int, textTokens: ByteStringTable?
  ) throws(TextError) {
    self.tokens = tokens
    self.unknownToken = unknownToken
    self.textTokens = textTokens
    var known = ByteStringTable(over: file.pieces)
    var all = ByteStringTable(over: file.pieces)
    var (trie, frozen) = (ByteTrie(byteCount: file.pieces.bytes.count), ByteTrie())
    for id in file.pieces.indices {
      _ = all.insert(id)
      switch file.types[id] {
      case .normal: trie.insert(file.pieces.slice(id), id)
      case .userDefined:
        trie.insert(file.pieces.slice(id), id)
        frozen.insert(file.pieces.slice(id), id)
      case .unused: break
      case .unknown, .control, .byte: continue
      }
      _ = known.insert(id)
    }
    byteTokens = file.fallsBackToBytes ? all.byteTokens().map { $0 < 0 ? -1 : tokens[Int($0)] } : []
    switch file.kind {
    case .unigram: model = .unigram(Self.unigram(file, trie))
    case .bytePair:
      let encoder = try SentencePieceEncoder(
        file.pieces, scores: file.scores, vocabulary: known, unknownToken: nil, frozen: frozen,
        unused: file.types.map { $0 == .unused })
      model = .pairs(encoder)
    }
  }

  /// SentencePiece's numbers (`unigram_model.cc`): float32, and a user-defined piece costs almost nothing.
  private static func unigram(_ file: SentencePieceModel, _ trie: ByteTrie) -> UnigramEncoder {
    let normal = file.scores.indices.filter { file.types[$0] == .normal }.map { file.scores[$0] }
    let worst = normal.min() ?? .greatestFiniteMagnitude
    let best = max(normal.max() ?? .leastNormalMagnitude, .leastNormalMagnitude)
    let scores = file.scores.indices.map { id in
      file.types[id] == .userDefined
        ? Double(Float(file.pieces.range(id).count) * best - 0.1) : Double(file.scores[id])
    }
    return UnigramEncoder(
      trie: trie, scores: scores, worst: Double(worst), unknownToken: nil, byteTokens: [], isSingle: true)
  }

  /// Adds the tokens of a normalized text.
  func encode(
    _ text: UnsafeBufferPointer<UInt8>, _ lattice: inout UnigramEncoder.Lattice, into output: inout [Int]
  ) {
    switch model {
    case .unigram(let encoder):
      var cuts: [(start: Int, end: Int, id: Int)] = []
      encoder.cut(text, &lattice) { (start: Int, end: Int, id: Int) throws(Never) in cuts.append((start, end, id)) }
      for cut in cuts.reversed() { append(cut.id, text[cut.start..<cut.end], &output) }
    case .pairs(let encoder):
      // Unknown characters in a row are one.
      var unknown: Range<Int>?
      encoder.cut(text) { start, end, id in
        if id < 0, byteTokens.isEmpty {
          unknown = (unknown?.lowerBound ?? start)..<end
          return
        }
        if let range = unknown { append(-1, text[range], &output) }
        unknown = nil
        append(id, text[start..<end], &output)
      }
      if let range = unknown { append(-1, text[range], &output) }
    }
  }

  private func append(_ id: Int, _ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ output: inout [Int]) {
    if id >= 0 {
      output.append(Int(tokens[id]))
    } else if !byteTokens.isEmpty {
      for byte in bytes { output.append(Int(byteTokens[Int(byte)])) }
    } else {
      output.append(textTokens?.id(of: UnsafeBufferPointer(rebasing: bytes)) ?? unknownToken)
    }
  }
}
