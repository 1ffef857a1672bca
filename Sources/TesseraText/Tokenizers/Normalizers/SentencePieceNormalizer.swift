/// SentencePiece's normalizer as llama.cpp runs it for unigram models: the map of characters by longest prefixes, then
/// the spaces.
struct SentencePieceNormalizer: Sendable {
  static let space: [UInt8] = [0xE2, 0x96, 0x81]

  var map: CharacterMap?
  /// Whether spaces in a row become one, and those at the ends none.
  var mergesSpaces: Bool
  /// Whether a space is put before the text.
  var addsPrefix: Bool

  /// The normalized text, or the beginning of it that is over `longest` bytes.
  func apply(_ text: [UInt8], longest: Int) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(text.count + text.count / 2)
    var isPrefixed = false
    var isInWord = false
    func add(_ bytes: some Sequence<UInt8>) {
      for byte in bytes {
        if byte == 0x20 {
          isInWord = false
          if !mergesSpaces { output += Self.space }
          continue
        }
        if !isInWord {
          isInWord = true
          if addsPrefix && !isPrefixed || mergesSpaces {
            output += Self.space
            isPrefixed = true
          }
        }
        output.append(byte)
      }
    }
    text.withUnsafeBufferPointer { text in
      var position = 0
      while position < text.count, output.count <= longest {
        if let map, let found = map.replacement(text, position, text.count, isLongest: true) {
          add(map.bytes(found.text))
          position += found.length
        } else {
          let lead = text[position]
          let length = lead < 0x80 ? 1 : UTF8Scan.sequence(text, position, text.count)?.length
          if let length { add(text[position..<position + length]) } else { add([0xEF, 0xBF, 0xBD]) }
          position += length ?? 1
        }
      }
    }
    return output
  }
}
