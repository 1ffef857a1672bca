#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Interpreter {
  // MARK: str.format

  /// `str.format` with plain fields: `{}`, `{0}`, `{name}`, with `!s` or `!r`.
  func format(_ text: String, _ arguments: Arguments) throws(TemplateError) -> Value {
    var result = ""
    var rest = text.unicodeScalars[...]
    var automatic = 0
    var isNumbered = false
    while let scalar = rest.popFirst() {
      if scalar == "{" || scalar == "}", rest.first == scalar {
        rest.removeFirst()
        result.unicodeScalars.append(scalar)
        continue
      }
      if scalar == "}" { throw fail("format: a single '}'") }
      guard scalar == "{" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      guard let end = rest.firstIndex(of: "}") else { throw fail("format: a '{' is not closed") }
      var field = String(rest[..<end])
      rest = rest[rest.index(after: end)...]
      let isRepresented = field.hasScalarSuffix("!r")
      if isRepresented || field.hasScalarSuffix("!s") { field = String(field.dropLast(2)) }
      let value: Value?
      if field.isEmpty || field.isAll(\.isASCIIDigit) {
        guard field.isEmpty ? !isNumbered : automatic == 0 else {
          throw fail("format: fields with and without numbers")
        }
        let index = field.isEmpty ? automatic : Int(field) ?? Int.max
        if field.isEmpty { automatic += 1 } else { isNumbered = true }
        value = arguments.positional.indices.contains(index) ? arguments.positional[index] : nil
      } else if field.isAll({ $0.isASCIINameStart || $0.isASCIIDigit }) {
        value = arguments.keyword.value(named: field)
      } else {
        throw unsupported("the field '{\(field)}' of format")
      }
      guard let value else { throw fail("format: no value for the field '{\(field)}'") }
      result += isRepresented ? try represented(value) : try printed(value)
      try checkSize(bytes: result.utf8.count)
    }
    return try string(result)
  }

  // MARK: The % operator

  private struct Conversion {
    var name: String?
    var flags: Set<Unicode.Scalar> = []
    var width = 0
    var precision: Int?
    var type: Unicode.Scalar = "s"
  }

  /// Python's `format % values`.
  func printf(_ format: String, _ values: Value) throws(TemplateError) -> Value {
    try charge(format.utf8.count / 8)
    var positional: [Value] = [values]
    if case .tuple(let list) = values { positional = list.items }
    var next = 0
    var usesNames = false
    var result = ""
    var rest = format.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      let conversion = try self.conversion(&rest)
      if conversion.type == "%" {
        result += "%"
        continue
      }
      let value: Value
      if let name = conversion.name {
        guard case .dictionary(let dictionary) = values else { throw fail("'%(\(name))' needs a dictionary") }
        guard let member = dictionary.value(named: name) else { throw fail("'%(\(name))': there is no such key") }
        value = member
        usesNames = true
      } else {
        guard next < positional.count else { throw fail("too few values for a format") }
        value = positional[next]
        next += 1
      }
      result += try formatted(value, conversion)
      try checkSize(bytes: result.utf8.count)
    }
    switch values {
    case .dictionary, .list, .range, .view: break
    case .undefined(let undefined): if next == 0 { throw fail(undefined.message) }
    default: if !usesNames, next < positional.count { throw fail("too many values for a format") }
    }
    return try string(result)
  }

  private func conversion(_ rest: inout Substring.UnicodeScalarView) throws(TemplateError) -> Conversion {
    var conversion = Conversion()
    if rest.first == "(" {
      guard let end = rest.firstIndex(of: ")") else { throw fail("a format with '%(' and no ')'") }
      conversion.name = String(rest[rest.index(after: rest.startIndex)..<end])
      if conversion.name?.utf8.contains(40) ?? false { throw unsupported("a format with brackets in a name") }
      rest = rest[rest.index(after: end)...]
    }
    while let flag = rest.first, "-+ 0#".unicodeScalars.contains(flag) {
      conversion.flags.insert(flag)
      rest.removeFirst()
    }
    conversion.width = try formatNumber(&rest) ?? 0
    if rest.first == "." {
      rest.removeFirst()
      conversion.precision = try formatNumber(&rest) ?? 0
    }
    guard let type = rest.popFirst() else { throw fail("a format that ends within a conversion") }
    guard "sdifFeEgGxXocr%".unicodeScalars.contains(type) else { throw unsupported("the format '%\(type)'") }
    conversion.type = type
    return conversion
  }

  private func formatNumber(_ rest: inout Substring.UnicodeScalarView) throws(TemplateError) -> Int? {
    if rest.first == "*" { throw unsupported("a format with '*'") }
    var digits = ""
    while let digit = rest.first, digit.isASCIIDigit {
      digits.unicodeScalars.append(digit)
      rest.removeFirst()
    }
    if digits.isEmpty { return nil }
    guard let number = Int(digits), number <= 10_000 else { throw overLimit("a format wider than 10000") }
    return number
  }

  private func formatted(_ value: Value, _ conversion: Conversion) throws(TemplateError) -> String {
    var text: String
    var isNumber = true
    switch conversion.type {
    case "s", "r":
      text = conversion.type == "s" ? try printed(value) : try represented(value)
      if let precision = conversion.precision { text = String(scalars: text.unicodeScalars.prefix(precision)) }
      isNumber = false
    case "c":
      if let code = value.index, let scalar = UInt32(exactly: code).flatMap(Unicode.Scalar.init) {
        text = String(Character(scalar))
      } else if case .string(let character) = value, character.unicodeScalars.count == 1 {
        text = character
      } else {
        throw fail("'%c' needs one character")
      }
      isNumber = false
    case "d", "i", "x", "X", "o":
      let number: Int
      if case .float(let float) = value, conversion.type == "d" || conversion.type == "i" {
        guard let whole = Int(exactly: float.rounded(.towardZero)) else { throw fail("'%d' of a number too large") }
        number = whole
      } else {
        number = try integer(value, for: "'%\(conversion.type)'")
      }
      let radix = conversion.type == "o" ? 8 : conversion.type == "x" || conversion.type == "X" ? 16 : 10
      var digits = String(number.magnitude, radix: radix, uppercase: conversion.type == "X")
      digits = String(repeating: "0", count: max((conversion.precision ?? 0) - digits.utf8.count, 0)) + digits
      if conversion.flags.contains("#"), radix != 10 {
        throw unsupported("the format '%#\(conversion.type)'")
      }
      text = (number < 0 ? "-" : "") + digits
    default:
      guard let number = value.number else { throw fail("'%\(conversion.type)' of a value of type \(value.typeName)") }
      if conversion.flags.contains("#") { throw unsupported("the format '%#\(conversion.type)'") }
      text = try decimal(number, precision: conversion.precision ?? 6, type: conversion.type)
    }
    if isNumber, !text.hasPrefix("-") {
      if conversion.flags.contains("+") {
        text = "+" + text
      } else if conversion.flags.contains(" ") {
        text = " " + text
      }
    }
    let missing = conversion.width - text.unicodeScalars.count
    guard missing > 0 else { return text }
    if conversion.flags.contains("-") { return text + String(repeating: " ", count: missing) }
    if isNumber, conversion.flags.contains("0") {
      let hasSign = text.hasPrefix("-") || text.hasPrefix("+") || text.hasPrefix(" ")
      let sign = hasSign ? String(text.prefix(1)) : ""
      return sign + String(repeating: "0", count: missing) + text.dropFirst(sign.utf8.count)
    }
    return String(repeating: " ", count: missing) + text
  }

  /// C's decimal forms of a float, which are Python's.
  func decimal(_ number: Double, precision: Int, type: Unicode.Scalar) throws(TemplateError) -> String {
    let format = "%.\(precision)\(type)"
    // A float has up to 309 digits before its point.
    var buffer = [CChar](repeating: 0, count: precision + 330)
    let length = withVaList([number]) { vsnprintf(&buffer, buffer.count, format, $0) }
    guard length >= 0, Int(length) < buffer.count else { throw fail("a number cannot be formatted") }
    return String(decoding: buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
