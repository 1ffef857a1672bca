/// What the pre-tokenizers' regular expressions ask about a Unicode scalar.
///
/// Every scalar has at least one bit; a class without any stands for "past the end".
struct ScalarClass: OptionSet {
  let rawValue: UInt8

  /// `\p{L}`
  static let letter = ScalarClass(rawValue: 1)
  /// `\p{N}`
  static let number = ScalarClass(rawValue: 2)
  /// `\p{M}`
  static let mark = ScalarClass(rawValue: 4)
  /// `\p{P}`
  static let punctuation = ScalarClass(rawValue: 8)
  /// `\p{S}`
  static let symbol = ScalarClass(rawValue: 16)
  /// `\s`
  static let whitespace = ScalarClass(rawValue: 32)
  /// `[\r\n]`, always together with `whitespace`.
  static let newline = ScalarClass(rawValue: 64)
  /// None of the above: controls, formats, surrogates, private and unassigned scalars.
  static let other = ScalarClass(rawValue: 128)

  /// The class of a scalar, also of a surrogate and of a number beyond Unicode.
  static func of(_ value: UInt32) -> ScalarClass {
    let index = Int(value)
    return index < basicPlane.count ? ScalarClass(rawValue: basicPlane[index]) : computed(value)
  }

  /// The classes of U+0000 to U+FFFF, computed once.
  private static let basicPlane: [UInt8] = (0..<0x1_0000).map { computed(UInt32($0)).rawValue }

  /// Scalars of later versions of Unicode are unassigned here, as in llama.cpp's table: so the result depends neither
  /// on the toolchain's tables nor on how the model's own tokenizer was updated.
  private static let unicodeVersion = (major: 15, minor: 1)

  private static func computed(_ value: UInt32) -> ScalarClass {
    guard let properties = Unicode.Scalar(value)?.properties, let age = properties.age,
      (age.major, age.minor) <= unicodeVersion
    else { return .other }
    if properties.isWhitespace {
      return value == 0x0A || value == 0x0D ? [.whitespace, .newline] : .whitespace
    }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return .punctuation
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: return .symbol
    default: return .other
    }
  }
}
