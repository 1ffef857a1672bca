/// BERT's normalizer (https://github.com/google-research/bert/blob/master/tokenization.py): cleaned text, ideographs
/// apart, no accents, small letters.
struct BertNormalizer: Sendable, Equatable {
  var cleansText: Bool
  var separatesIdeographs: Bool
  var stripsAccents: Bool
  var lowercases: Bool

  /// All of it, as llama.cpp has it.
  static let uncased = BertNormalizer(
    cleansText: true, separatesIdeographs: true, stripsAccents: true, lowercases: true)

  func apply(_ text: [UInt8]) -> [UInt8] {
    var text = text
    if cleansText {
      text = text.mappingScalars { value, output in
        if OldUnicode.otherScalars.contains(value) { return }
        UTF8Scan.append(OldUnicode.bertSpaces.contains(value) ? 0x20 : value, to: &output)
      }
    }
    if separatesIdeographs {
      text = text.mappingScalars { value, output in
        let isIdeograph = Self.ideographs.contains(value)
        if isIdeograph { output.append(0x20) }
        UTF8Scan.append(value, to: &output)
        if isIdeograph { output.append(0x20) }
      }
    }
    if stripsAccents {
      Normalizer.UnicodeForm.nfd.apply(&text)
      text = text.filteringScalars { !OldUnicode.nonspacingMarks.contains($0) }
    }
    return lowercases ? text.lowercasedScalars() : text
  }

  static let ideographs = ScalarSet([
    0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x2_0000...0x2_A6DF, 0x2_A700...0x2_B73F, 0x2_B740...0x2_B81F,
    0x2_B920...0x2_CEAF, 0x2_F800...0x2_FA1F,
  ])
}

extension [UInt8] {
  /// Whether these are well-formed UTF-8.
  var isUTF8: Bool { allSatisfy { $0 < 0x80 } || String(validating: self, as: UTF8.self) != nil }

  /// The bytes that `change` writes for each scalar.
  func mappingScalars(_ change: (_ value: UInt32, _ output: inout [UInt8]) -> Void) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(count + count / 8)
    withUnsafeBufferPointer { text in
      var position = 0
      while position < text.count {
        let (value, length) = UTF8Scan.scalar(text, position, text.count)
        change(value, &output)
        position += length
      }
    }
    return output
  }

  /// The scalars for which `isKept` holds. ASCII always stays.
  func filteringScalars(_ isKept: (UInt32) -> Bool) -> [UInt8] {
    if allSatisfy({ $0 < 0x80 }) { return self }
    return mappingScalars { value, output in
      if value < 0x80 || isKept(value) { UTF8Scan.append(value, to: &output) }
    }
  }

  /// Each scalar's small letters, whatever stands around it.
  func lowercasedScalars() -> [UInt8] {
    mappingScalars { value, output in
      if value < 0x80 {
        output.append(UInt8(truncatingIfNeeded: 0x41...0x5A ~= value ? value | 0x20 : value))
      } else if let properties = Unicode.Scalar(value)?.properties, properties.changesWhenLowercased {
        output += properties.lowercaseMapping.utf8
      } else {
        UTF8Scan.append(value, to: &output)
      }
    }
  }

  /// These bytes, or what `String` makes of them where they are no UTF-8.
  var asUTF8: [UInt8] { isUTF8 ? self : Array(String(decoding: self, as: UTF8.self).utf8) }

  /// Puts `content` for each match, and nothing more once that is over `longest` bytes.
  mutating func replace(
    _ pattern: TextPattern, with content: [UInt8], longest: Int
  ) throws(TextError) {
    var output: [UInt8] = []
    output.reserveCapacity(count)
    var steps = TextPattern.stepLimit(bytes: count)
    let isDone = withUnsafeBufferPointer { text in
      var last = 0
      let isDone = pattern.search(text, 0..<text.count, steps: &steps) { start, end in
        if output.count > longest { return }
        output += text[last..<start]
        output += content
        last = end
      }
      output += text[last...]
      return isDone
    }
    guard isDone else {
      throw TextError(
        .unsupportedPattern,
        "the pattern \(TextError.quoted(Array(pattern.description.utf8))) takes too many steps on this text")
    }
    self = output
  }
}
