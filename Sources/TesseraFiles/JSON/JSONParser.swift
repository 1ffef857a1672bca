import TesseraSystem

/// A recursive-descent JSON parser with bounded depth and number of values.
struct JSONParser {
  private let text: UnsafeRawBufferPointer
  private let path: String
  private let limits: JSONValue.Limits
  private var position = 0
  private var valueCount = 0

  init(text: UnsafeRawBufferPointer, path: String, limits: JSONValue.Limits) {
    self.text = text
    self.path = path
    self.limits = limits
  }

  /// Parses one value that takes the whole text.
  mutating func document() throws(FileError) -> JSONValue {
    guard text.count <= limits.byteCount else {
      throw FileError(
        .tooLarge, path: path,
        "the JSON text has \(text.count) bytes, and at most \(limits.byteCount) are read: name another file")
    }
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    let value = try value(depth: 0)
    skipSpace()
    guard position == text.count else { throw malformed("there is more text after the value") }
    return value
  }

  private var next: UInt8? { position < text.count ? text[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func skip(_ byte: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: byte) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(FileError) -> JSONValue {
    valueCount += 1
    guard valueCount <= limits.valueCount else {
      throw error(.tooLarge, "there are more than \(limits.valueCount) values")
    }
    guard depth <= limits.depth else {
      throw error(.tooLarge, "values are nested more than \(limits.depth) deep")
    }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N"): return try word("NaN", .double(.nan))
    case UInt8(ascii: "I"): return try word("Infinity", .double(.infinity))
    case nil: throw malformed("the text ends where a value should be")
    default: return try number()
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(FileError) -> JSONValue {
    guard text[position...].starts(with: word.utf8) else { throw malformed("a value is expected here") }
    position += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(FileError) -> JSONValue {
    position += 1
    var members: [String: JSONValue] = [:]
    skipSpace()
    if skip("}") { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw malformed("a key in quotes is expected here") }
      let key = try string()
      skipSpace()
      guard skip(":") else { throw malformed("a colon is expected here") }
      let value = try value(depth: depth + 1)
      guard members.updateValue(value, forKey: key) == nil else {
        throw malformed("the key \(FileError.quoted(key)) appears twice in one object")
      }
      skipSpace()
    } while skip(",")
    guard skip("}") else { throw malformed("a comma or a closing brace is expected here") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(FileError) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    skipSpace()
    if skip("]") { return .array(elements) }
    repeat {
      elements.append(try value(depth: depth + 1))
      skipSpace()
    } while skip(",")
    guard skip("]") else { throw malformed("a comma or a closing bracket is expected here") }
    return .array(elements)
  }

  private mutating func number() throws(FileError) -> JSONValue {
    let start = position
    let negative = skip("-")
    if negative, next == UInt8(ascii: "I") { return try word("Infinity", .double(-.infinity)) }
    let leadingZero = next == UInt8(ascii: "0")
    let digits = skipDigits()
    guard digits > 0, digits == 1 || !leadingZero else { throw malformed("a value is expected here") }
    var isWhole = true
    if skip(".") {
      isWhole = false
      guard skipDigits() > 0 else { throw malformed("a digit is expected here") }
    }
    if skip("e") || skip("E") {
      isWhole = false
      if !skip("+") { _ = skip("-") }
      guard skipDigits() > 0 else { throw malformed("a digit is expected here") }
    }
    guard position - start <= 1_024 else { throw malformed("a number of more than 1,024 characters ends here") }
    let literal = String(decoding: text[start..<position], as: UTF8.self)
    if isWhole, let value = Int(literal) { return .int(value) }
    guard let value = Double(literal) else { throw malformed("a number ends here that cannot be read") }
    return .double(value)
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    return position - start
  }

  private mutating func string() throws(FileError) -> String {
    position += 1
    let start = position
    var decoded: [UInt8]? = nil
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        let end = position
        position += 1
        let string =
          if let decoded { String(validating: decoded, as: UTF8.self) } else {
            String(validating: text[start..<end], as: UTF8.self)
          }
        guard let string else { throw malformed("a string ends here that is not UTF-8") }
        return string
      case UInt8(ascii: "\\"):
        if decoded == nil { decoded = Array(text[start..<position]) }
        let scalar = try escape()
        decoded?.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      case 0..<0x20:
        throw malformed("a control character in a string must be escaped")
      default:
        decoded?.append(byte)
        position += 1
      }
    }
    throw malformed("the text ends inside a string")
  }

  private mutating func escape() throws(FileError) -> Unicode.Scalar {
    position += 1
    guard let byte = next else { throw malformed("the text ends inside a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{08}"
    case UInt8(ascii: "f"): return "\u{0C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw malformed("a backslash before a character that needs none")
    }
    let first = try hexadecimal()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, skip("\\"), skip("u") else { throw malformed("half of a surrogate pair stands alone") }
    let second = try hexadecimal()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw malformed("half of a surrogate pair stands alone") }
    return scalar
  }

  private mutating func hexadecimal() throws(FileError) -> UInt32 {
    guard position + 4 <= text.count else { throw malformed("the text ends inside a string") }
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(text[position])).hexDigitValue else {
        throw malformed("four hexadecimal digits are expected after \\u")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private func malformed(_ problem: String) -> FileError { error(.malformed, problem) }

  private func error(_ code: FileError.Code, _ problem: String) -> FileError {
    let line = 1 + text[..<position].count { $0 == 0x0A }
    return FileError(
      code, path: path,
      "the JSON text is wrong at byte \(position) (line \(line)): \(problem); download the file again")
  }
}
