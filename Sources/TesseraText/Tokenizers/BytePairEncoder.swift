/// Byte-level byte pair encoding (GPT-2, https://github.com/openai/gpt-2/blob/master/src/encoder.py; Sennrich et al.,
/// https://arxiv.org/abs/1508.07909): text is cut into words, each word starts as bytes, and the neighbours whose
/// merge ranks first become one token until no merge applies.
struct BytePairEncoder: Sendable {
  private let preTokenizer: PreTokenizer
  /// The token of each byte, or -1 where the vocabulary has none.
  private let byteTokens: [Int32]
  /// (left token, right token) → rank in the upper half, merged token in the lower.
  private let merges: FlatTable
  /// All tokens by the bytes they stand for.
  private let vocabulary: ByteStringTable
  /// Whether a word that is a token is taken as it is, whatever the merges say.
  private let takesWholeWords: Bool

  /// Resolves the merges of a definition whose token texts are known to be distinct.
  init(_ definition: TokenizerDefinition) throws(TextError) {
    preTokenizer = try PreTokenizer(name: definition.preTokenizer)
    takesWholeWords = PreTokenizer.llama3Names.contains(definition.preTokenizer ?? "")
    // What each token's text stands for; tokens with other characters are never made by merges.
    var decoded = ByteStrings()
    decoded.reserveCapacity(definition.tokens.count, byteCount: definition.tokens.bytes.count)
    for id in definition.tokens.indices {
      decoded.append(ByteLevelAlphabet.bytes(of: definition.tokens.slice(id)) ?? [])
    }
    var vocabulary = ByteStringTable(over: decoded)
    for id in decoded.indices where !decoded.range(id).isEmpty { _ = vocabulary.insert(id) }
    byteTokens = (0..<256).map { byte in
      vocabulary.id(of: [UInt8(byte)]).map { Int32(truncatingIfNeeded: $0) } ?? -1
    }
    merges = try Self.resolve(definition.merges, vocabulary)
    self.vocabulary = vocabulary
  }

  private static func resolve(_ merges: ByteStrings, _ vocabulary: ByteStringTable) throws(TextError) -> FlatTable {
    guard merges.count <= Int32.max else {
      throw TextError(.malformedVocabulary, "\(merges.count) merges are more than any tokenizer has")
    }
    var table = FlatTable(count: merges.count)
    for rank in merges.indices {
      let merge = merges.slice(rank)
      // A token may itself begin with a space.
      guard let space = merge.dropFirst().firstIndex(of: 0x20),
        let left = ByteLevelAlphabet.bytes(of: merge[..<space]),
        let right = ByteLevelAlphabet.bytes(of: merge[(space + 1)...])
      else {
        throw TextError(
          .malformedVocabulary,
          "merge \(rank) \(TextError.quoted(merge)) is not two tokens with a space between them; the file is damaged")
      }
      guard let leftID = vocabulary.id(of: left), let rightID = vocabulary.id(of: right),
        let merged = vocabulary.id(of: left + right)
      else {
        throw TextError(
          .malformedVocabulary,
          "merge \(rank) \(TextError.quoted(merge)) names or makes a token that is not in the vocabulary; the file "
            + "is damaged or its tokens belong to another tokenizer")
      }
      table.insertIfAbsent(UInt64(leftID) << 32 | UInt64(rightID), UInt64(rank) << 32 | UInt64(merged))
    }
    return table
  }

  /// Adds the tokens of a text without special tokens. Bytes without a token are left out, as llama.cpp and
  /// transformers do.
  func encode(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [Int]) {
    let text = ScannedText(bytes)
    var chain = MergeChain()
    var start = 0
    text.bytes.withUnsafeBufferPointer { all in
      for end in preTokenizer.wordEnds(text) {
        encodeWord(UnsafeBufferPointer(rebasing: all[text.byteRange(start..<end)]), &chain, &output)
        start = end
      }
    }
  }

  private func encodeWord(_ word: UnsafeBufferPointer<UInt8>, _ chain: inout MergeChain, _ output: inout [Int]) {
    if takesWholeWords, let id = vocabulary.id(of: word) {
      output.append(id)
      return
    }
    chain.removeAll()
    for (index, byte) in word.enumerated() { chain.append(token: byteTokens[Int(byte)], start: index, size: 1) }
    chain.merge { left, right in
      if left.token < 0 || right.token < 0 { return nil }
      let key = UInt64(UInt32(bitPattern: left.token)) << 32 | UInt64(UInt32(bitPattern: right.token))
      guard let value = merges[key] else { return nil }
      return MergeChain.Candidate(
        priority: UInt32(truncatingIfNeeded: value >> 32), token: Int32(truncatingIfNeeded: value))
    }
    for symbol in chain.symbols where symbol.size != 0 && symbol.token >= 0 { output.append(Int(symbol.token)) }
  }
}
