import Foundation

/// A step that rewrites text before it is cut and encoded.
enum Normalizer: Sendable {
  case bert(BertNormalizer)
  /// Takes whitespace off the ends.
  case strip(left: Bool, right: Bool)
  /// Takes combining marks out.
  case stripAccents
  case unicode(UnicodeForm)
  case lowercase
  /// Takes controls out and makes odd spaces plain ones, as in neural machine translation.
  case nmt
  case precompiled(CharacterMap)
  case replace(TextPattern, [UInt8])
  /// Puts a text before one that is not empty.
  case prepend([UInt8])
  /// Replaces each byte by the character that stands for it in byte-level vocabularies.
  case byteLevel
  /// `▁` for spaces, and one before a text that stands at the beginning or behind a special token.
  case escapedSpaces(addsPrefix: Bool)
  case sentencePiece(SentencePieceNormalizer)
  /// SentencePiece's own, of a model file.
  case pieces(PieceNormalizer)
  /// Replaces what is no UTF-8.
  case repair

  /// The normalization forms of Unicode.
  enum UnicodeForm: String, Sendable { case nfc = "NFC", nfd = "NFD", nfkc = "NFKC", nfkd = "NFKD" }

  /// Rewrites a text.
  /// - Parameters:
  ///   - isAfterSpecial: whether it stands at the beginning of everything or behind a special token.
  ///   - limit: what the text may still grow by.
  func apply(_ text: inout [UInt8], isAfterSpecial: Bool, _ limit: inout GrowthLimit) throws(TextError) {
    let count = text.count
    try rewrite(&text, isAfterSpecial: isAfterSpecial, longest: count + limit.left)
    try limit.count(from: count, to: text.count)
  }

  /// Rewrites a text, and stops once it is over `longest` bytes where a step could multiply it without end.
  private func rewrite(_ text: inout [UInt8], isAfterSpecial: Bool, longest: Int) throws(TextError) {
    switch self {
    case .bert(let options): text = options.apply(text)
    case .strip(let left, let right): Self.strip(&text, left, right)
    case .stripAccents: text = text.filteringScalars { !OldUnicode.combiningMarks.contains($0) }
    case .unicode(let form): form.apply(&text)
    case .lowercase: text = text.lowercasedScalars()
    case .nmt: text = Self.nmt(text)
    case .precompiled(let map): text = map.normalizeGraphemes(text, longest: longest)
    case .replace(let pattern, let content): try text.replace(pattern, with: content, longest: longest)
    case .prepend(let prefix): if !text.isEmpty { text = prefix + text }
    case .byteLevel:
      var output: [UInt8] = []
      text.withUnsafeBufferPointer { ByteLevelAlphabet.append($0, to: &output) }
      text = output
    case .escapedSpaces(let addsPrefix):
      var output: [UInt8] = []
      output.reserveCapacity(text.count + text.count / 2)
      if addsPrefix, isAfterSpecial { output += SentencePieceNormalizer.space }
      for byte in text {
        if byte == 0x20 { output += SentencePieceNormalizer.space } else { output.append(byte) }
      }
      text = output
    case .sentencePiece(let options): text = options.apply(text, longest: longest)
    case .pieces(let options): text = options.apply(text, longest: longest)
    case .repair: if !text.isUTF8 { text = text.withUnsafeBufferPointer(UTF8Scan.repaired) }
    }
  }

  private static func strip(_ text: inout [UInt8], _ left: Bool, _ right: Bool) {
    let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
    func isSpace(_ scalar: Unicode.Scalar) -> Bool { UnicodeTable.whitespace.contains(scalar) }
    var part = scalars[...]
    if left { part = part.drop(while: isSpace) }
    if right { while let last = part.last, isSpace(last) { part.removeLast() } }
    if part.count != scalars.count { text = Array(String(part).utf8) }
  }

  private static func nmt(_ text: [UInt8]) -> [UInt8] {
    text.mappingScalars { value, output in
      switch value {
      case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
      case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
        output.append(0x20)
      default: UTF8Scan.append(value, to: &output)
      }
    }
  }
}

extension Normalizer.UnicodeForm {
  func apply(_ text: inout [UInt8]) {
    if text.allSatisfy({ $0 < 0x80 }) { return }
    let string = String(decoding: text, as: UTF8.self)
    let result =
      switch self {
      case .nfc: string.precomposedStringWithCanonicalMapping
      case .nfd: string.decomposedStringWithCanonicalMapping
      case .nfkc: string.decomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping
      case .nfkd: string.decomposedStringWithCompatibilityMapping
      }
    text = Array(result.utf8)
  }
}
