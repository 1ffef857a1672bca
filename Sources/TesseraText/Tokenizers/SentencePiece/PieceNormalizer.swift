/// SentencePiece's normalizer (https://github.com/google/sentencepiece, `normalizer.cc`), step for step: the map of
/// characters by longest prefixes, then the spaces.
struct PieceNormalizer: Sendable {
  private static let space = SentencePieceNormalizer.space
  private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
  private static let ascii = (0..<0x80).map { [UInt8($0)][...] }

  private let map: CharacterMap?
  /// User-defined pieces, which stay as they are.
  private let kept: ByteTrie
  private let addsPrefix: Bool
  private let mergesSpaces: Bool
  private let escapesSpaces: Bool
  private let putsSpaceBehind: Bool
  /// Whether a text is taken for the continuation of another: no space is put before it, and one at its beginning stays
  /// (`legacy=False` of transformers' tokenizers).
  private let continues: Bool

  init(_ model: SentencePieceModel, continues: Bool) {
    map = model.characterMap
    var kept = ByteTrie()
    for id in model.pieces.indices where model.types[id] == .userDefined { kept.insert(model.pieces.slice(id), id) }
    self.kept = kept
    addsPrefix = model.addsPrefix && !continues
    mergesSpaces = model.mergesSpaces
    escapesSpaces = model.escapesSpaces
    putsSpaceBehind = model.putsSpaceBehind
    self.continues = continues
  }

  /// The normalized text, or the beginning of it that is over `longest` bytes.
  func apply(_ text: [UInt8], longest: Int) -> [UInt8] {
    let followsText = continues && (text.first == 0x20 || text.starts(with: Self.space))
    var output: [UInt8] = []
    output.reserveCapacity(text.count + text.count / 2)
    let mark = escapesSpaces ? Self.space : [0x20]
    text.withUnsafeBufferPointer { text in
      var position = 0
      if mergesSpaces, !followsText {
        while position < text.count, case let next = prefix(text, position), next.bytes.elementsEqual([0x20]) {
          position += next.length
        }
      }
      if position == text.count { return }
      if addsPrefix, !putsSpaceBehind { output += mark }
      var isBehindSpace = mergesSpaces && !followsText
      while position < text.count, output.count <= longest {
        let (bytes, length) = prefix(text, position)
        position += length
        let rest = isBehindSpace ? bytes.drop { $0 == 0x20 } : bytes
        for byte in rest {
          if byte == 0x20 { output += mark } else { output.append(byte) }
        }
        if let last = rest.last { isBehindSpace = mergesSpaces && last == 0x20 }
      }
      if mergesSpaces {
        while output.count >= mark.count, output.suffix(mark.count).elementsEqual(mark) {
          output.removeLast(mark.count)
        }
      }
      if addsPrefix, putsSpaceBehind { output += mark }
    }
    return output
  }

  /// What stands for the characters at a place, and how many bytes they are.
  private func prefix(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> (bytes: ArraySlice<UInt8>, length: Int) {
    if !kept.isEmpty, let match = kept.longest(text, start, text.count) {
      return (Array(text[start..<match.end])[...], match.end - start)
    }
    if let map, let found = map.replacement(text, start, text.count, isLongest: true) {
      return (map.bytes(found.text), found.length)
    }
    if text[start] < 0x80 { return (Self.ascii[Int(text[start])], 1) }
    // The text is UTF-8 as everywhere behind the search for special tokens.
    guard let length = UTF8Scan.sequence(text, start, text.count)?.length else { return (Self.replacement[...], 1) }
    return (Array(text[start..<start + length])[...], length)
  }
}
