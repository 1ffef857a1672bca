/// Python's reading of integers from text.
enum PythonInteger {
  case value(Int)
  case tooLarge
  case malformed

  /// Reads `int(text, base)`: with space around, a sign, single underscores and a prefix where the base has one.
  static func parse(_ text: String, base: Int) -> PythonInteger {
    var digits = Array(text.stripped(of: nil).unicodeScalars)[...]
    var isNegative = false
    if let sign = digits.first, sign == "-" || sign == "+" {
      isNegative = sign == "-"
      digits.removeFirst()
    }
    var radix = base
    if digits.first == "0", let mark = digits.dropFirst().first {
      let prefix = ["b": 2, "B": 2, "o": 8, "O": 8, "x": 16, "X": 16][mark]
      if let prefix, base == 0 || base == prefix {
        radix = prefix
        digits = digits.dropFirst(2)
        if digits.first == "_" { digits.removeFirst() }
      }
    }
    if radix == 0 {
      radix = 10
      // In base 0 a leading zero is allowed before zeros only.
      if digits.count > 1, digits.first == "0", digits.contains(where: { $0 != "0" && $0 != "_" }) { return .malformed }
    }
    guard let cleaned = withoutUnderscores(digits), !cleaned.isEmpty else { return .malformed }
    var value = 0
    var isTooLarge = false
    for digit in cleaned {
      guard let number = digit.digitValue, number < radix else { return .malformed }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, overflows) = product.subtractingReportingOverflow(number)
      if overflow || overflows { isTooLarge = true } else { value = sum }
    }
    // Gathered below zero, where one more number fits.
    if isTooLarge || (!isNegative && value == Int.min) { return .tooLarge }
    return .value(isNegative ? value : -value)
  }

  /// Digits without their underscores; nil unless each stands between two digits.
  static func withoutUnderscores(_ digits: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar]? {
    var result: [Unicode.Scalar] = []
    var afterDigit = false
    for scalar in digits {
      if scalar == "_" {
        guard afterDigit else { return nil }
        afterDigit = false
      } else {
        result.append(scalar)
        afterDigit = true
      }
    }
    return afterDigit ? result : nil
  }
}

extension Unicode.Scalar {
  /// The value of a digit in bases up to 36.
  fileprivate var digitValue: Int? {
    switch self {
    case "0"..."9": Int(value) - 48
    case "a"..."z": Int(value) - 87
    case "A"..."Z": Int(value) - 55
    default: nil
    }
  }
}

extension Double {
  /// Reads `float(text)` of Python: with space around and single underscores between digits.
  init?(python text: String) {
    let stripped = text.stripped(of: nil)
    switch stripped.lowercased() {
    case "inf", "+inf", "infinity", "+infinity": self = .infinity
    case "-inf", "-infinity": self = -.infinity
    case "nan", "+nan", "-nan": self = .nan
    default:
      let scalars = Array(stripped.unicodeScalars)
      var digits = String.UnicodeScalarView()
      for (index, scalar) in scalars.enumerated() {
        if scalar == "_" {
          guard index > 0, index + 1 < scalars.count, scalars[index - 1].isASCIIDigit, scalars[index + 1].isASCIIDigit
          else { return nil }
          continue
        }
        guard scalar.isASCIIDigit || "+-.eE".unicodeScalars.contains(scalar) else { return nil }
        digits.append(scalar)
      }
      guard digits.contains(where: \.isASCIIDigit) else { return nil }
      var text = String(digits)
      // Swift wants a digit on both sides of the point.
      text = text.split(at: ".", limit: nil).count == 2 ? Self.completed(text) : text
      guard let value = Double(text) else { return nil }
      self = value
    }
  }

  private static func completed(_ text: String) -> String {
    let parts = text.split(at: ".", limit: nil)
    let before = parts[0].unicodeScalars.last?.isASCIIDigit ?? false ? parts[0] : parts[0] + "0"
    let after = parts[1].unicodeScalars.first?.isASCIIDigit ?? false ? parts[1] : "0" + parts[1]
    return before + "." + after
  }
}
