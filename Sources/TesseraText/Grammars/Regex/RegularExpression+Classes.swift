// Classes of characters: `[…]`, `\d`, `\p{…}` and the escapes of single characters.
extension RegularExpressionReader {
  private static let digits = ScalarSet(0x30...0x39)
  private static let word = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  private static let space = ScalarSet([0x09...0x0D, 0x20...0x20])

  /// After `[`: characters, ranges and escapes up to `]`.
  mutating func characterClass() throws(GrammarError) -> ScalarSet {
    let isNegated = take("^")
    if next == "]" { throw unsupported("']' first in a class means different things: write '\\]'") }
    var set = ScalarSet()
    var ranges: [ClosedRange<UInt32>] = []
    while !take("]") {
      let (lower, first) = try classElement()
      guard let first, take("-") else {
        if first == nil { set = set.union(lower) } else { ranges += lower.ranges }
        continue
      }
      if next == "]" {
        ranges += lower.ranges + [0x2D...0x2D]
        continue
      }
      guard let last = try classElement().single, first <= last else {
        throw malformed("a range in a class ends before it begins, or with no single character")
      }
      ranges.append(first.value...last.value)
    }
    set = set.union(ScalarSet(ranges))
    return isNegated ? set.complement : set
  }

  private mutating func classElement() throws(GrammarError) -> (set: ScalarSet, single: Unicode.Scalar?) {
    guard let scalar = advance() else { throw malformed("a '[' has no ']' after it") }
    if scalar != "\\" { return (ScalarSet(scalar), scalar) }
    if take("b") { return (ScalarSet("\u{8}"), "\u{8}") }
    return try escape()
  }

  /// After a backslash: the characters that the escape stands for; `single` where it is one.
  mutating func escape() throws(GrammarError) -> (set: ScalarSet, single: Unicode.Scalar?) {
    func one(_ scalar: Unicode.Scalar) -> (ScalarSet, Unicode.Scalar?) { (ScalarSet(scalar), scalar) }
    guard let scalar = advance() else { throw malformed("it ends with a backslash") }
    switch scalar {
    case "n": return one("\n")
    case "r": return one("\r")
    case "t": return one("\t")
    case "f": return one("\u{C}")
    case "v": return one("\u{B}")
    case "0": return one("\0")
    case "d": return (Self.digits, nil)
    case "D": return (Self.digits.complement, nil)
    case "w": return (Self.word, nil)
    case "W": return (Self.word.complement, nil)
    case "s": return (Self.space, nil)
    case "S": return (Self.space.complement, nil)
    case "p", "P": return (try property(isNegated: scalar == "P"), nil)
    case "x": return one(try Self.scalar(hexadecimal(2), self))
    case "u":
      if take("{") {
        let value = try hexadecimal(1...6)
        guard take("}") else { throw malformed("a '\\u{' has no '}' after it") }
        return one(try Self.scalar(value, self))
      }
      let first = try hexadecimal(4)
      guard (0xD800..<0xDC00).contains(first), take("\\"), take("u") else { return one(try Self.scalar(first, self)) }
      let second = try hexadecimal(4)
      guard (0xDC00..<0xE000).contains(second) else { throw malformed("half of a surrogate pair stands alone") }
      return one(try Self.scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00), self))
    default:
      guard scalar.isASCII, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
        throw unsupported("the escape '\\\(scalar)' is not supported")
      }
      return one(scalar)
    }
  }

  private static func scalar(_ value: UInt32, _ reader: Self) throws(GrammarError) -> Unicode.Scalar {
    guard let scalar = Unicode.Scalar(value) else { throw reader.malformed("an escape names no character") }
    return scalar
  }

  private mutating func hexadecimal(_ count: Int) throws(GrammarError) -> UInt32 { try hexadecimal(count...count) }

  private mutating func hexadecimal(_ counts: ClosedRange<Int>) throws(GrammarError) -> UInt32 {
    var value: UInt32 = 0
    var count = 0
    while count < counts.upperBound, let next, next.isASCII, let digit = Character(next).hexDigitValue {
      value = value << 4 | UInt32(digit)
      count += 1
      _ = advance()
    }
    guard count >= counts.lowerBound else { throw malformed("an escape has too few hexadecimal digits") }
    return value
  }

  /// After `\p`: `{L}`, `{Lu}`, `{Script=Han}`.
  private mutating func property(isNegated: Bool) throws(GrammarError) -> ScalarSet {
    guard take("{") else { throw malformed("a '\\p' has no '{' after it") }
    var name = ""
    while let scalar = advance(), scalar != "}" { name.unicodeScalars.append(scalar) }
    for prefix in ["Script=", "sc=", "General_Category=", "gc="] where name.hasPrefix(prefix) {
      name = String(name.dropFirst(prefix.count))
    }
    let set = name == "Alphabetic" ? UnicodeTable.version16.alphabetic : UnicodeTable.version16.set(named: name)
    guard let set else { throw unsupported("the property '\\p{\(name.prefix(40))}' is not supported") }
    return isNegated ? set.complement : set
  }
}
