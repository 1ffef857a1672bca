/// SentencePiece's BPE as llama.cpp runs it (https://github.com/google/sentencepiece): text starts as characters, with
/// `▁` for the space, and the neighbors that make the token with the highest score become one until none do.
/// Characters that are no token become bytes.
struct SentencePieceEncoder: Sendable {
  private static let space: [UInt8] = [0xE2, 0x96, 0x81]

  /// All tokens by their texts.
  private let vocabulary: ByteStringTable
  /// The order of each token's score: smaller comes first.
  private let priorities: [UInt32]
  /// The token of each byte, or -1 where the vocabulary has none.
  private let byteTokens: [Int32]
  private let unknownToken: Int?
  /// Whether some token has this byte right before a `▁` that begins a run of them. No token spans the place before
  /// any other such `▁`, so that text is cut there and merged word by word.
  private let joinsSpace: [Bool]
  /// Tokens that are found before all others and merge with none.
  private let frozen: ByteTrie
  /// Which tokens are only steps to others, and are taken apart in the end; none where it is empty.
  private let unused: [Bool]

  /// - Parameters:
  ///   - tokens: all tokens' texts.
  ///   - scores: as many as the tokens, or none.
  ///   - vocabulary: the tokens by their texts.
  ///   - frozen: those that are found before all others and merge with none.
  ///   - unused: as many as the tokens, or none.
  init(
    _ tokens: ByteStrings, scores: [Float], vocabulary: ByteStringTable, unknownToken: Int?,
    frozen: ByteTrie = ByteTrie(), unused: [Bool] = []
  ) throws(TextError) {
    self.vocabulary = vocabulary
    self.unknownToken = unknownToken
    self.frozen = frozen
    self.unused = unused.contains(true) ? unused : []
    if let id = scores.firstIndex(where: \.isNaN) {
      throw TextError(.malformedVocabulary, "the score of token \(id) is not a number; the file is damaged")
    }
    priorities = scores.isEmpty ? [UInt32](repeating: 0, count: tokens.count) : scores.map(Self.priority)
    byteTokens = vocabulary.byteTokens().enumerated().map { byte, id in
      id >= 0 ? id : Int32(truncatingIfNeeded: vocabulary.id(of: [UInt8(truncatingIfNeeded: byte)]) ?? -1)
    }
    joinsSpace = Self.bytesBeforeSpaces(tokens)
  }

  /// Whether each byte has a token.
  var knowsBytes: Bool { byteTokens.allSatisfy { $0 >= 0 } }

  /// Turns the order of floats round and into that of integers; both zeros are one.
  private static func priority(_ score: Float) -> UInt32 {
    let bits = score == 0 ? 0 : score.bitPattern
    let ascending = bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
    return ~ascending
  }

  private static func bytesBeforeSpaces(_ tokens: ByteStrings) -> [Bool] {
    var joins = [Bool](repeating: false, count: 256)
    for id in tokens.indices {
      let token = tokens.slice(id)
      guard token.count > 3 else { continue }
      for index in token.startIndex + 1...token.endIndex - 3
      where token[index] == 0xE2 && token[index + 1] == 0x96 && token[index + 2] == 0x81 {
        let before = token[..<index]
        if before.count < 3 || !before.suffix(3).elementsEqual(space) { joins[Int(token[index - 1])] = true }
      }
    }
    return joins
  }

  /// Adds the tokens of at most `Int32.max / 3` bytes that hold `▁` for each space.
  func encode(_ text: UnsafeBufferPointer<UInt8>, into output: inout [Int]) throws(TextError) {
    var missing: UInt8?
    cut(text) { start, end, id in
      if id >= 0 { output.append(id) } else { appendBytes(text[start..<end], &output, &missing) }
    }
    if let missing {
      throw TextError(
        .missingByteToken,
        "byte 0x\(String(missing, radix: 16)) of the text has no token, and the vocabulary has no unknown token; "
          + "remove the character or repair the model file")
    }
  }

  /// Gives where each token begins and ends, and its id; -1 for a character that is none.
  @inline(__always)
  func cut(_ text: UnsafeBufferPointer<UInt8>, _ take: (_ start: Int, _ end: Int, _ id: Int) -> Void) {
    var chain = MergeChain()
    var index = 0
    while index < text.count {
      if startsWord(text, index) { finish(&chain, text, take) }
      if !frozen.isEmpty, let match = frozen.longest(text, index, text.count) {
        chain.append(token: Self.frozen(match.value), start: index, size: match.end - index)
        index = match.end
        continue
      }
      let size = min(UTF8Scan.length(text[index]), text.count - index)
      let id = vocabulary.id(of: UnsafeBufferPointer(rebasing: text[index..<index + size]))
      chain.append(token: id.map { Int32(truncatingIfNeeded: $0) } ?? -1, start: index, size: size)
      index += size
    }
    finish(&chain, text, take)
  }

  /// A frozen token's number in the chain, which is its own way back.
  private static func frozen(_ id: Int) -> Int32 { -2 - Int32(truncatingIfNeeded: id) }

  /// Whether a `▁` is at `index` that no token joins to what comes before it.
  @inline(__always)
  private func startsWord(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
    guard index > 0, isSpace(text, index), !joinsSpace[Int(text[index - 1])] else { return false }
    return index < 3 || !isSpace(text, index - 3)
  }

  @inline(__always)
  private func isSpace(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
    text[index] == 0xE2 && index + 2 < text.count && text[index + 1] == 0x96 && text[index + 2] == 0x81
  }

  /// Merges what is in the chain, gives its tokens and empties it.
  private func finish(
    _ chain: inout MergeChain, _ text: UnsafeBufferPointer<UInt8>, _ take: (Int, Int, Int) -> Void
  ) {
    // How long the left part was of each unused token that came up.
    var leftSizes: [Int32: Int] = [:]
    chain.merge { left, right in
      let size = Int(left.size) + Int(right.size)
      if size > vocabulary.longest || left.token < -1 || right.token < -1 { return nil }
      let start = Int(left.start)
      guard let id = vocabulary.id(of: UnsafeBufferPointer(rebasing: text[start..<start + size])) else { return nil }
      let token = Int32(truncatingIfNeeded: id)
      if !unused.isEmpty, unused[id] { leftSizes[token] = Int(left.size) }
      return MergeChain.Candidate(priority: priorities[id], token: token)
    }
    for symbol in chain.symbols where symbol.size != 0 {
      let (start, size) = (Int(symbol.start), Int(symbol.size))
      if symbol.token < -1 {
        take(start, start + size, Int(Self.frozen(Int(symbol.token))))
      } else if leftSizes.isEmpty {
        take(start, start + size, Int(symbol.token))
      } else {
        takeApart(start..<start + size, leftSizes, text, take)
      }
    }
    chain.removeAll()
  }

  /// Gives a token, or the parts that an unused one was made of.
  private func takeApart(
    _ range: Range<Int>, _ leftSizes: [Int32: Int], _ text: UnsafeBufferPointer<UInt8>, _ take: (Int, Int, Int) -> Void
  ) {
    var waiting = [range]
    while let next = waiting.popLast() {
      let id = vocabulary.id(of: UnsafeBufferPointer(rebasing: text[next]))
      if let id, unused[id], let size = leftSizes[Int32(truncatingIfNeeded: id)], (1..<next.count).contains(size) {
        waiting.append(next.lowerBound + size..<next.upperBound)
        waiting.append(next.lowerBound..<next.lowerBound + size)
      } else {
        take(next.lowerBound, next.upperBound, id ?? -1)
      }
    }
  }

  /// Adds one token a byte; the unknown token where a byte has none.
  private func appendBytes(
    _ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ output: inout [Int], _ missing: inout UInt8?
  ) {
    if let byte = bytes.first(where: { byteTokens[Int($0)] < 0 }) {
      if let unknownToken { output.append(unknownToken) } else { missing = byte }
      return
    }
    for byte in bytes { output.append(Int(byteTokens[Int(byte)])) }
  }
}
