extension GBNFReader {
  /// A text in quotes.
  mutating func text() throws(GrammarError) -> GrammarNode {
    index += 1
    var text = String.UnicodeScalarView()
    while !take("\"") { text.append(try character(in: "a text")) }
    return .text(String(text))
  }

  /// Characters in brackets, or those that are not.
  mutating func characterClass() throws(GrammarError) -> ScalarSet {
    index += 1
    let isNegated = take("^")
    var ranges: [ClosedRange<UInt32>] = []
    while !take("]") {
      let first = try character(in: "a class")
      if next == "-", index + 1 < scalars.count, scalars[index + 1] != "]" {
        index += 1
        let last = try character(in: "a class")
        guard first <= last else { throw malformed("a range in a class ends before it begins") }
        ranges.append(first.value...last.value)
      } else {
        ranges.append(first.value...first.value)
      }
    }
    return isNegated ? ScalarSet(ranges).complement : ScalarSet(ranges)
  }

  private mutating func character(in place: String) throws(GrammarError) -> Unicode.Scalar {
    guard let scalar = advance() else { throw malformed("\(place) is not closed") }
    guard scalar == "\\" else { return scalar }
    guard let escape = advance() else { throw malformed("\(place) is not closed") }
    switch escape {
    case "x": return try hexadecimal(2)
    case "u": return try hexadecimal(4)
    case "U": return try hexadecimal(8)
    case "t": return "\t"
    case "r": return "\r"
    case "n": return "\n"
    case "\\", "\"", "[", "]", "-": return escape
    default: throw malformed("the escape \(GrammarError.quoted("\\\(escape)")) is not known")
    }
  }

  private mutating func hexadecimal(_ count: Int) throws(GrammarError) -> Unicode.Scalar {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let scalar = advance(), scalar.isASCII, let digit = Character(scalar).hexDigitValue else {
        throw malformed("an escape has too few hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
    }
    guard let scalar = Unicode.Scalar(value) else { throw malformed("an escape names no character") }
    return scalar
  }
}
