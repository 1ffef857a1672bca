/// WordPiece (Schuster and Nakajima, https://research.google/pubs/japanese-and-korean-voice-search/), as BERT uses it:
/// the longest token that begins a word, then the longest that goes on with it, and so on; a word for which that fails
/// is unknown.
struct WordPieceEncoder: Sendable {
  private let trie: ByteTrie
  /// Where the walk begins within a word.
  private let continuation: Int?
  /// The beginning of each word, such as the `▁` of llama.cpp's vocabularies.
  private let wordPrefix: [UInt8]
  let continuingPrefix: [UInt8]
  let unknownToken: Int?
  let longestWord: Int

  /// - Parameters:
  ///   - trie: all tokens.
  ///   - wordPrefix: what the first token of a word begins with.
  ///   - continuingPrefix: what the others begin with.
  ///   - longestWord: words of more characters are unknown.
  init(
    trie: ByteTrie, wordPrefix: [UInt8], continuingPrefix: [UInt8], longestWord: Int, unknownToken: Int?
  ) {
    self.trie = trie
    self.wordPrefix = wordPrefix
    self.continuingPrefix = continuingPrefix
    self.unknownToken = unknownToken
    self.longestWord = longestWord
    let node = trie.node(after: continuingPrefix)
    continuation = continuingPrefix.isEmpty ? ByteTrie.root : node == 0 ? nil : node
  }

  /// Adds the tokens of a word.
  /// - Throws: `TextError` `.missingByteToken` if it has none, nor has the vocabulary one for unknown words.
  func encode(_ word: UnsafeBufferPointer<UInt8>, into output: inout [Int]) throws(TextError) {
    let first = output.count
    if wordPrefix.isEmpty {
      if isShort(word), cut(word, &output) { return }
    } else {
      let isCut = (wordPrefix + word).withUnsafeBufferPointer { cut($0, &output) }
      if isCut { return }
    }
    output.removeSubrange(first...)
    guard let unknownToken else { throw TextError.unknownCharacter(word[...]) }
    output.append(unknownToken)
  }

  private func isShort(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
    word.count <= longestWord || word.count(where: { $0 & 0xC0 != 0x80 }) <= longestWord
  }

  private func cut(_ word: UnsafeBufferPointer<UInt8>, _ output: inout [Int]) -> Bool {
    var position = 0
    while position < word.count {
      guard let node = position == 0 ? ByteTrie.root : continuation,
        let match = trie.longest(word, position, word.count, from: node)
      else { return false }
      output.append(match.value)
      position = match.end
    }
    return true
  }
}
