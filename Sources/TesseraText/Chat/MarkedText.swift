extension Tokenizer {
  /// The tokens of a text in which some markers are disguised: those that are not are the tokens that they name, and
  /// what is between them is text once `restoring` has taken the disguise off it. Text never becomes a control token.
  ///
  /// - Throws: `TextError` as `encode` does.
  func encode(
    marked text: String, restoring: (ArraySlice<UInt8>) -> ArraySlice<UInt8>
  ) throws(TextError) -> [Int] {
    let bytes = Array(text.utf8)
    try Self.check(length: bytes.count)
    let parts = bytes.withUnsafeBufferPointer { text in
      switch components.special {
      case .longestFirst(let all, _): all.split(text)
      case .addedTokens(let added): added.split(text, inNormalized: false, parseSpecial: true)
      }
    }
    var output: [Int] = []
    try encodeParts(parts, of: bytes, into: &output) { part, isAfterSpecial, isFirst, output throws(TextError) in
      output += try textTokens(Array(restoring(part[...])), isAfterSpecial: isAfterSpecial, isFirst: isFirst)
    }
    return output
  }

  /// The tokens of text, none of which is a control token: pieces of text can merge to the text of one.
  private func textTokens(_ text: [UInt8], isAfterSpecial: Bool, isFirst: Bool) throws(TextError) -> [Int] {
    var text = text
    var ids: [Int] = []
    try normalize(&text, isAfterSpecial: isAfterSpecial)
    switch components.special {
    case .longestFirst: try encodePieces(TextPieces(text, beginsText: isAfterSpecial), into: &ids)
    case .addedTokens(let added):
      let parts = text.withUnsafeBufferPointer { added.split($0, inNormalized: true, parseSpecial: false) }
      try encodeParts(parts, of: text, into: &ids) { part, _, isFirstPart, ids throws(TextError) in
        try encodePieces(TextPieces(part, beginsText: isFirst && isFirstPart), into: &ids)
      }
    }
    let attributes = components.attributes
    guard let place = ids.firstIndex(where: { attributes[$0].contains(.control) }) else { return ids }
    var result = Array(ids[..<place])
    for id in ids[place...] {
      let piece = components.tokens.slice(id)
      let width = 1 + piece.dropFirst().prefix { $0 & 0xC0 == 0x80 }.count
      guard attributes[id].contains(.control), piece.count > width else {
        result.append(id)
        continue
      }
      result += try textTokens(Array(piece.prefix(width)), isAfterSpecial: false, isFirst: false)
      result += try textTokens(Array(piece.dropFirst(width)), isAfterSpecial: false, isFirst: false)
    }
    return result
  }
}
