/// A strict JSON reader (RFC 8259) that keeps the order of keys. A key that comes twice keeps its first place and its
/// last value, as in Python.
struct OrderedJSON {
  private static let depthLimit = 64

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  /// Reads one document.
  static func parse(_ bytes: [UInt8]) throws(TemplateError) -> TemplateValue {
    var reader = OrderedJSON(bytes: bytes)
    reader.skipSpace()
    let value = try reader.value()
    reader.skipSpace()
    guard reader.position == bytes.count else { throw reader.fail("text after the end of the document") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func fail(_ message: String) -> TemplateError {
    let line = 1 + bytes.prefix(position).lazy.filter { $0 == 10 }.count
    return TemplateError(.json, line: line, "\(message) (byte \(position))")
  }

  private mutating func skipSpace() {
    while let byte = current, byte == 32 || byte == 9 || byte == 10 || byte == 13 { position += 1 }
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard let byte = current, UInt32(byte) == character.value else { return false }
    position += 1
    return true
  }

  private mutating func value() throws(TemplateError) -> TemplateValue {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw fail("values nested more than \(Self.depthLimit) levels deep") }
    guard let byte = current else { throw fail("the document ends where a value is expected") }
    switch Unicode.Scalar(byte) {
    case "{": return try object()
    case "[": return try array()
    case "\"": return .string(try string())
    case "t": return try word("true", .bool(true))
    case "f": return try word("false", .bool(false))
    case "n": return try word("null", .null)
    case "-", "0"..."9": return try number()
    default: throw fail("a value is expected")
    }
  }

  private mutating func word(_ word: String, _ value: TemplateValue) throws(TemplateError) -> TemplateValue {
    guard bytes[position...].starts(with: word.utf8) else { throw fail("a value is expected") }
    position += word.utf8.count
    return value
  }

  private mutating func object() throws(TemplateError) -> TemplateValue {
    position += 1
    var object = TemplateObject()
    skipSpace()
    if skip("}") { return .object(object) }
    while true {
      skipSpace()
      guard current == 34 else { throw fail("a key is expected") }
      let key = try string()
      skipSpace()
      guard skip(":") else { throw fail("':' is expected after a key") }
      skipSpace()
      object[key] = try value()
      skipSpace()
      if skip("}") { return .object(object) }
      guard skip(",") else { throw fail("',' or '}' is expected") }
    }
  }

  private mutating func array() throws(TemplateError) -> TemplateValue {
    position += 1
    var elements: [TemplateValue] = []
    skipSpace()
    if skip("]") { return .array(elements) }
    while true {
      skipSpace()
      elements.append(try value())
      skipSpace()
      if skip("]") { return .array(elements) }
      guard skip(",") else { throw fail("',' or ']' is expected") }
    }
  }

  private mutating func number() throws(TemplateError) -> TemplateValue {
    let start = position
    var isFloat = false
    _ = skip("-")
    if !skip("0") { try digits() }
    if skip(".") {
      isFloat = true
      try digits()
    }
    if skip("e") || skip("E") {
      isFloat = true
      if !skip("-") { _ = skip("+") }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isFloat, let value = Double(text) { return .double(value) }
    guard !isFloat, let value = Int(text) else { throw fail("the number \(text) does not fit in 64 bits") }
    return .int(value)
  }

  private mutating func digits() throws(TemplateError) {
    let start = position
    while let byte = current, (48...57).contains(byte) { position += 1 }
    guard position > start else { throw fail("a digit is expected") }
  }

  private mutating func string() throws(TemplateError) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = current {
      position += 1
      switch byte {
      case 34:
        guard let string = String(validating: text, as: UTF8.self) else { throw fail("a string is not valid UTF-8") }
        return string
      case 92: text += String(Character(try escape())).utf8
      case 0..<32: throw fail("a control character in a string")
      default: text.append(byte)
      }
    }
    throw fail("a string is not closed")
  }

  private mutating func escape() throws(TemplateError) -> Unicode.Scalar {
    guard let byte = current else { throw fail("a string is not closed") }
    position += 1
    switch Unicode.Scalar(byte) {
    case "\"": return "\""
    case "\\": return "\\"
    case "/": return "/"
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "u": break
    default: throw fail("an unknown escape")
    }
    let first = try hexUnit()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, skip("\\"), skip("u") else { throw fail("half of a surrogate pair") }
    let second = try hexUnit()
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
    else { throw fail("half of a surrogate pair") }
    return scalar
  }

  private mutating func hexUnit() throws(TemplateError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Unicode.Scalar(byte).hexValue else {
        throw fail("an escape needs four hex digits")
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }
}
