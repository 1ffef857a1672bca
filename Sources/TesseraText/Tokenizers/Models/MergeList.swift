/// The merges of byte pair encoding as a file has them, in the order of their priority.
struct MergeList: Sendable {
  private let texts: ByteStrings
  /// Where the first of each merge's two tokens ends, for those that come as two texts in one; else the first space
  /// behind a first character is the bound.
  private let bounds: [Int32]?

  /// Merges of a GGUF file, two tokens with a space between them.
  init(_ texts: ByteStrings) {
    self.texts = texts
    bounds = nil
  }

  /// Merges of a `tokenizer.json`, whose tokens stand one behind the other, the first `bounds` bytes long.
  init(_ texts: ByteStrings, bounds: [Int32]) {
    self.texts = texts
    self.bounds = bounds
  }

  var count: Int { texts.count }

  private func pair(_ rank: Int) -> (left: ArraySlice<UInt8>, right: ArraySlice<UInt8>)? {
    let merge = texts.slice(rank)
    if let bounds {
      let middle = merge.startIndex + Int(bounds[rank])
      return (merge[..<middle], merge[middle...])
    }
    guard let space = merge.dropFirst().firstIndex(of: 0x20) else { return nil }
    return (merge[..<space], merge[(space + 1)...])
  }

  /// The table (left token, right token) → rank in the upper half, merged token in the lower.
  func resolve(_ vocabulary: ByteStringTable, continuingPrefix: [UInt8]) throws(TextError) -> FlatTable {
    guard count <= Int32.max else {
      throw TextError(.malformedVocabulary, "\(count) merges are more than any tokenizer has")
    }
    var table = FlatTable(count: count)
    var joined: [UInt8] = []
    for rank in 0..<count {
      guard let (left, right) = pair(rank), !left.isEmpty, !right.isEmpty else {
        throw TextError(
          .malformedVocabulary,
          "merge \(rank) \(TextError.quoted(texts.slice(rank))) is not two tokens with a space between them; the file "
            + "is damaged")
      }
      joined.removeAll(keepingCapacity: true)
      joined += left
      joined += right.starts(with: continuingPrefix) ? right.dropFirst(continuingPrefix.count) : right
      guard let leftID = vocabulary.id(of: left), let rightID = vocabulary.id(of: right),
        let merged = vocabulary.id(of: joined)
      else {
        throw TextError(
          .malformedVocabulary,
          "merge \(rank) \(TextError.quoted(texts.slice(rank))) names or makes a token that is not in the vocabulary; "
            + "the file is damaged or its tokens belong to another tokenizer")
      }
      // Of a merge that comes twice the tokenizers library takes the last, llama.cpp the first.
      table.insert(
        UInt64(leftID) << 32 | UInt64(rightID), UInt64(rank) << 32 | UInt64(merged), replaces: bounds != nil)
    }
    return table
  }
}
