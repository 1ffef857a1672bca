extension Double {
  /// Python's `repr` of a float: the shortest digits that read back as the same number.
  package var pythonDescription: String {
    if isNaN { return "nan" }
    if isInfinite { return self < 0 ? "-inf" : "inf" }
    // Swift finds the same shortest digits but switches to exponents elsewhere.
    let parts = magnitude.description.split(separator: "e", omittingEmptySubsequences: false)
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = String(mantissa[0])
    let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
    let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    var digits = whole + fraction
    var point = whole.utf8.count + exponent
    let leadingZeros = digits.utf8.prefix { $0 == 48 }.count
    digits = String(digits.dropFirst(leadingZeros))
    point -= leadingZeros
    while digits.hasSuffix("0") { digits.removeLast() }
    let sign = self.sign == .minus ? "-" : ""
    if digits.isEmpty { return sign + "0.0" }
    // `point` is where the decimal point stands among the digits.
    if point > 16 || point < -3 {
      let power = point - 1
      let shown = String(power.magnitude)
      let head = digits.prefix(1) + (digits.utf8.count > 1 ? "." + digits.dropFirst() : "")
      return sign + head + "e" + (power < 0 ? "-" : "+") + (shown.utf8.count < 2 ? "0" : "") + shown
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    let count = digits.utf8.count
    if count <= point { return sign + digits + String(repeating: "0", count: point - count) + ".0" }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }
}
