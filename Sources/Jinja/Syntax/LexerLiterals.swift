extension Lexer {
  // MARK: Numbers

  mutating func lexNumber() throws(TemplateError) {
    let afterDot = position > 0 && source[position - 1] == "."
    if !afterDot, let end = floatEnd() {
      let digits = literal(until: end)
      guard let value = Double(digits) else { throw fail("'\(digits)' is not a number") }
      add(.float(value))
      return advance(to: end)
    }
    let (end, radix) = integerEnd()
    let digits = literal(until: end)
    guard let value = Int(radix == 10 ? digits : String(digits.dropFirst(2)), radix: radix) else {
      throw fail("the number \(digits) does not fit in 64 bits")
    }
    add(.integer(value))
    advance(to: end)
  }

  private func literal(until end: Int) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: source[position..<end].filter { $0 != "_" })
    return String(view)
  }

  /// The end of digits that may be separated by single underscores; nil when there is no digit at `index`.
  private func digitsEnd(from index: Int, while accepts: (Scalar) -> Bool = \.isASCIIDigit) -> Int? {
    guard let first = scalar(at: index), accepts(first) else { return nil }
    var end = index + 1
    while let next = scalar(at: end) {
      if accepts(next) {
        end += 1
      } else if next == "_", let digit = scalar(at: end + 1), accepts(digit) {
        end += 2
      } else {
        break
      }
    }
    return end
  }

  private func floatEnd() -> Int? {
    guard let whole = digitsEnd(from: position) else { return nil }
    let fraction = scalar(at: whole) == "." ? digitsEnd(from: whole + 1) : nil
    let mantissa = fraction ?? whole
    if let mark = scalar(at: mantissa), mark == "e" || mark == "E" {
      let sign = scalar(at: mantissa + 1)
      let start = sign == "+" || sign == "-" ? mantissa + 2 : mantissa + 1
      if let end = digitsEnd(from: start) { return end }
    }
    return fraction
  }

  private func integerEnd() -> (end: Int, radix: Int) {
    guard source[position] == "0" else { return (digitsEnd(from: position) ?? position + 1, 10) }
    let radix: Int? =
      switch scalar(at: position + 1) {
      case "b", "B": 2
      case "o", "O": 8
      case "x", "X": 16
      default: nil
      }
    if let radix {
      let first = scalar(at: position + 2) == "_" ? position + 3 : position + 2
      let isDigit: (Scalar) -> Bool = { digit in digit.hexValue.map { $0 < radix } ?? false }
      if let end = digitsEnd(from: first, while: isDigit) { return (end, radix) }
    }
    // Like Python, 012 is not a number: the zeros end it.
    return (digitsEnd(from: position, while: { $0 == "0" }) ?? position + 1, 10)
  }

  // MARK: Strings

  mutating func lexString(quote: Scalar) throws(TemplateError) {
    var end = position + 1
    while let next = scalar(at: end), next != quote { end += next == "\\" ? 2 : 1 }
    guard end < source.count else { throw fail("a string is not closed") }
    add(.string(try unescaped(position + 1..<end)))
    advance(to: end + 1)
  }

  /// Reads the escapes of a string as Python's `unicode-escape` codec does.
  private func unescaped(_ range: Range<Int>) throws(TemplateError) -> String {
    var result = String.UnicodeScalarView()
    var index = range.lowerBound
    while index < range.upperBound {
      let next = source[index]
      guard next == "\\", index + 1 < range.upperBound else {
        result.append(next)
        index += 1
        continue
      }
      let escape = source[index + 1]
      index += 2
      if let plain = Self.simpleEscapes[escape] {
        result.append(contentsOf: plain.unicodeScalars)
      } else if let width = [Scalar("x"): 2, "u": 4, "U": 8][escape] {
        result.append(try hexScalar(at: index, count: width, before: range.upperBound))
        index += width
      } else if let first = escape.octalValue {
        var value = first
        var count = 1
        while count < 3, index < range.upperBound, let digit = source[index].octalValue {
          value = value * 8 + digit
          index += 1
          count += 1
        }
        guard let scalar = Scalar(UInt32(value)) else { throw fail("an octal escape is no character") }
        result.append(scalar)
      } else if escape == "N" {
        throw TemplateError(.unsupported, line: line, "the escape \\N{…} in a string")
      } else if escape.value < 128 {
        result.append(contentsOf: ["\\", escape])
      } else {
        // The codec sees the character as its own escape, whose backslash pairs with the one before.
        let hex = String(escape.value, radix: 16)
        let (letter, width) = escape.value < 0x100 ? ("x", 2) : escape.value < 0x10000 ? ("u", 4) : ("U", 8)
        let padded = String(repeating: "0", count: width - hex.count) + hex
        result.append(contentsOf: ("\\" + letter + padded).unicodeScalars)
      }
    }
    return String(result)
  }

  private static let simpleEscapes: [Scalar: String] = [
    "\n": "", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r",
    "t": "\t", "v": "\u{B}",
  ]

  private func hexScalar(at start: Int, count: Int, before end: Int) throws(TemplateError) -> Scalar {
    guard start + count <= end else { throw fail("an escape in a string is cut short") }
    var value: UInt32 = 0
    for index in start..<start + count {
      guard let digit = source[index].hexValue else { throw fail("an escape in a string has a digit that is not hex") }
      value = value &* 16 &+ UInt32(digit)
    }
    guard let scalar = Scalar(value) else {
      throw fail("the escape for \(String(value, radix: 16)) in a string is no character")
    }
    return scalar
  }
}

extension Unicode.Scalar {
  var isASCIIDigit: Bool { "0" <= self && self <= "9" }

  var isASCIINameStart: Bool { ("a" <= self && self <= "z") || ("A" <= self && self <= "Z") || self == "_" }

  var octalValue: Int? { "0" <= self && self <= "7" ? Int(value) - 48 : nil }

  var hexValue: Int? {
    switch self {
    case "0"..."9": Int(value) - 48
    case "a"..."f": Int(value) - 87
    case "A"..."F": Int(value) - 55
    default: nil
    }
  }

  /// Whether Python's `str.isspace` and `\s` count this as white space.
  var isPythonSpace: Bool {
    switch value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }
}
