extension JSONParser {
  /// Parses a string, whose opening quote comes next.
  mutating func string() throws(JSONError) -> String {
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

  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
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

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
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
}
