/// SentencePiece's precompiled map of characters (https://github.com/google/sentencepiece, `normalizer.cc`): a double
/// array (Yata et al., https://github.com/s-yata/darts-clone) from sequences of bytes to texts.
struct CharacterMap: Sendable {
  private let units: [UInt32]
  /// The texts, each with a zero byte behind it.
  private let texts: [UInt8]

  /// Reads a map: the size of the array in bytes, the array and the texts.
  init(_ bytes: [UInt8]) throws(TextError) {
    func unit(_ index: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << (8 * UInt32($1)) }
    }
    guard bytes.count >= 4, case let size = Int(unit(0)), size % 4 == 0, size >= 4, size <= bytes.count - 4 else {
      throw TextError(
        .malformedVocabulary,
        "the character map (precompiled_charsmap) of \(bytes.count) bytes is cut short or damaged; get the file again")
    }
    units = (0..<size / 4).map { unit(4 + 4 * $0) }
    texts = Array(bytes[(4 + size)...])
  }

  /// The text for a prefix of the bytes from `start`, and the prefix's length.
  /// - Parameter isLongest: takes the longest prefix that has one; else the shortest.
  func replacement(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, isLongest: Bool
  ) -> (text: Range<Int>, length: Int)? {
    var found: (text: Int, length: Int)?
    var node = Self.offset(units[0])
    var position = start
    while position < end, text[position] != 0 {
      node ^= Int(text[position])
      guard node < units.count else { break }
      let unit = units[node]
      // The highest bit marks a value, which is no label.
      guard unit & 0x8000_00FF == UInt32(text[position]) else { break }
      node ^= Self.offset(unit)
      position += 1
      if unit >> 8 & 1 == 1 {
        guard node < units.count else { break }
        found = (Int(units[node] & 0x7FFF_FFFF), position - start)
        if !isLongest { break }
      }
    }
    guard let found, found.text <= texts.count else { return nil }
    let stop = texts[found.text...].firstIndex(of: 0) ?? texts.count
    return (found.text..<stop, found.length)
  }

  private static func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }

  func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> { texts[range] }

  /// Replaces characters as the tokenizers library does: a grapheme of up to 5 bytes by the text of its shortest prefix
  /// that has one, else each of its scalars so. Gives the beginning of it once that is over `longest` bytes.
  func normalizeGraphemes(_ text: [UInt8], longest: Int) -> [UInt8] {
    // The texts of another map need not be UTF-8, and below the bytes are counted by `String`'s characters.
    let text = text.asUTF8
    var output: [UInt8] = []
    output.reserveCapacity(text.count + text.count / 8)
    text.withUnsafeBufferPointer { text in
      var position = 0
      while position < text.count, output.count <= longest {
        var end = position + 1
        // Between two ASCII characters a grapheme ends, unless they are CR and LF.
        func isBound(_ index: Int) -> Bool {
          text[index - 1] < 0x80 && text[index] < 0x80 && !(text[index - 1] == 0x0D && text[index] == 0x0A)
        }
        while end < text.count, !isBound(end) { end += 1 }
        if end == position + 1 {
          append(text, position, end, &output)
        } else {
          appendGraphemes(text, position, end, longest, &output)
        }
        position = end
      }
    }
    return output
  }

  private func appendGraphemes(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ longest: Int, _ output: inout [UInt8]
  ) {
    var position = start
    for character in String(decoding: text[start..<end], as: UTF8.self) where output.count <= longest {
      let length = character.utf8.count
      if length < 6, let found = replacement(text, position, position + length, isLongest: false) {
        output += texts[found.text]
        position += length
        continue
      }
      for scalar in character.unicodeScalars {
        let length = UTF8.width(scalar)
        append(text, position, position + length, &output)
        position += length
      }
    }
  }

  private func append(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ output: inout [UInt8]) {
    if let found = replacement(text, start, end, isLongest: false) {
      output += texts[found.text]
    } else {
      output += text[start..<end]
    }
  }
}
