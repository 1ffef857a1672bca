extension JSONValue {
  /// Parses UTF-8 text that holds one value, perhaps after a byte order mark.
  ///
  /// - Parameter path: the text's file, which errors name.
  /// - Throws: `malformed` with the place, or `tooLarge`.
  package init(
    parsing text: UnsafeRawBufferPointer, path: String? = nil, options: JSONOptions = .file
  ) throws(JSONError) {
    var parser = JSONParser(text: text, path: path, options: options)
    self = try parser.document()
  }

  /// Parses UTF-8 text that holds one value; see `init(parsing:path:options:)` of a buffer.
  package init(parsing bytes: [UInt8], path: String? = nil, options: JSONOptions = .file) throws(JSONError) {
    let result = bytes.withUnsafeBytes { text in
      Result { () throws(JSONError) in try JSONValue(parsing: text, path: path, options: options) }
    }
    self = try result.get()
  }

  /// Parses a string that holds one value; see `init(parsing:path:options:)` of a buffer.
  package init(parsing text: String, path: String? = nil, options: JSONOptions = .file) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), path: path, options: options)
  }
}

/// A recursive-descent JSON parser with bounded depth and number of values.
struct JSONParser {
  static let depthLimit = 256

  let text: UnsafeRawBufferPointer
  var position = 0
  private let path: String?
  private let options: JSONOptions
  private let depthLimit: Int
  private var valueCount = 0

  init(text: UnsafeRawBufferPointer, path: String?, options: JSONOptions) {
    self.text = text
    self.path = path
    self.options = options
    depthLimit = min(options.depth, Self.depthLimit)
  }

  /// Parses one value that takes the whole text.
  mutating func document() throws(JSONError) -> JSONValue {
    guard text.count <= options.byteCount else {
      throw JSONError(
        .tooLarge, path: path,
        "the JSON text has \(text.count) bytes, and at most \(options.byteCount) are read")
    }
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    let value = try value(depth: 0)
    skipSpace()
    guard position == text.count else { throw malformed("there is more text after the value") }
    return value
  }

  var next: UInt8? { position < text.count ? text[position] : nil }

  mutating func skip(_ byte: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: byte) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    valueCount += 1
    guard valueCount <= options.valueCount else {
      throw error(.tooLarge, "there are more than \(options.valueCount) values")
    }
    guard depth <= depthLimit else { throw error(.tooLarge, "values are nested more than \(depthLimit) deep") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N"): return try nonFinite("NaN", .nan)
    case UInt8(ascii: "I"): return try nonFinite("Infinity", .infinity)
    case nil: throw malformed("the text ends where a value should be")
    default: return try number()
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
    guard text[position...].starts(with: word.utf8) else { throw malformed("a value is expected here") }
    position += word.utf8.count
    return value
  }

  private mutating func nonFinite(_ word: String, _ value: Double) throws(JSONError) -> JSONValue {
    guard options.allowsNonFinite else { throw malformed("a value is expected here") }
    return try self.word(word, .double(value))
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var members = JSONObject()
    skipSpace()
    if skip("}") { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw malformed("a key in quotes is expected here") }
      let key = try string()
      skipSpace()
      guard skip(":") else { throw malformed("a colon is expected here") }
      let value = try value(depth: depth + 1)
      if !members.insert(key, value) {
        guard !options.refusesDuplicateKeys else {
          throw malformed("the key \(JSONError.quoted(key)) appears twice in one object")
        }
        members[key] = value
      }
      skipSpace()
    } while skip(",")
    guard skip("}") else { throw malformed("a comma or a closing brace is expected here") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
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

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    let negative = skip("-")
    if negative, next == UInt8(ascii: "I") { return try nonFinite("Infinity", -.infinity) }
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
    if isWhole {
      if let value = Int(literal) { return .int(value) }
      guard options.roundsLargeIntegers else { throw malformed("an integer ends here that does not fit in 64 bits") }
    }
    guard let value = Double(literal) else { throw malformed("a number ends here that cannot be read") }
    guard value.isFinite || options.allowsNonFinite else {
      throw malformed("a number ends here that is beyond every double")
    }
    return .double(value)
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    return position - start
  }

  func malformed(_ problem: String) -> JSONError { error(.malformed, problem) }

  private func error(_ code: JSONError.Code, _ problem: String) -> JSONError {
    let line = 1 + text[..<position].count { $0 == 0x0A }
    return JSONError(code, path: path, position: JSONError.Position(byte: position, line: line), problem)
  }
}
