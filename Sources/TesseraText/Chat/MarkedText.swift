extension Tokenizer {
  /// The tokens of a text in which some markers are disguised: those that are not are the tokens that they name, and
  /// what is between them is text once `restoring` has taken the disguise off it. Text never becomes a control token.
  ///
  /// Markers that are found in normalized text stand in this one as they are, since a disguise does not last through
  /// normalization; a vocabulary that has them as plain added tokens gives the same.
  ///
  /// - Throws: `TextError` as `encode` does.
  func encode(
    marked text: String, restoring: (ArraySlice<UInt8>) -> ArraySlice<UInt8>
  ) throws(TextError) -> [Int] {
    var bytes = Array(text.utf8)
    try Self.check(length: bytes.count)
    var limit = GrowthLimit(bytes: bytes.count)
    var output: [Int] = []
    func encodeText(
      _ part: [UInt8], _ isAfterSpecial: Bool, _ isFirst: Bool, _ output: inout [Int]
    ) throws(TextError) {
      output += try textTokens(
        Array(restoring(part[...])), isAfterSpecial: isAfterSpecial, isFirst: isFirst, &limit)
    }
    switch components.special {
    case .longestFirst(let all, _):
      try encodeParts(bytes.withUnsafeBufferPointer(all.split), of: bytes, into: &output) {
        part, isAfterSpecial, isFirst, output throws(TextError) in
        try encodeText(part, isAfterSpecial, isFirst, &output)
      }
    case .addedTokens(let added):
      open(&bytes)
      func parts(_ text: [UInt8], at kind: AddedTokens.Kind) -> [SpecialTokenMatcher.Part] {
        text.withUnsafeBufferPointer { added.split($0, at: kind, parseSpecial: true) }
      }
      let plain = parts(bytes, at: .plain)
      try encodeParts(plain, of: bytes, into: &output) {
        text, isAfterSpecial, isFirst, output throws(TextError) in
        try encodeParts(parts(text, at: .marker), of: text, into: &output) {
          part, _, isFirstPart, output throws(TextError) in
          try encodeText(part, isAfterSpecial, isFirst && isFirstPart, &output)
        }
      }
      close(&output, plain)
    }
    return output
  }

  /// The tokens of text, none of which is a control token: pieces of text can merge to the text of one.
  private func textTokens(
    _ text: [UInt8], isAfterSpecial: Bool, isFirst: Bool, _ limit: inout GrowthLimit
  ) throws(TextError) -> [Int] {
    var text = text
    var ids: [Int] = []
    try normalize(&text, isAfterSpecial: isAfterSpecial, &limit)
    switch components.special {
    case .longestFirst: try encodePieces(TextPieces(text, beginsText: isAfterSpecial), &limit, into: &ids)
    case .addedTokens(let added):
      let parts = text.withUnsafeBufferPointer { added.split($0, at: .normalized, parseSpecial: false) }
      try encodeParts(parts, of: text, into: &ids) { part, _, isFirstPart, ids throws(TextError) in
        try encodePieces(TextPieces(part, beginsText: isFirst && isFirstPart), &limit, into: &ids)
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
      result += try textTokens(Array(piece.prefix(width)), isAfterSpecial: false, isFirst: false, &limit)
      result += try textTokens(Array(piece.dropFirst(width)), isAfterSpecial: false, isFirst: false, &limit)
    }
    return result
  }
}
