import TesseraJSON

/// Scalars that stand in for others, one for one, while a template runs.
///
/// They are symbols, which Python prints, strips and compares as it does the punctuation that they stand for. Only
/// those are used that occur nowhere else, neither as themselves nor as an escape of JSON, so that what stands in can be
/// told from what was there.
struct StandIns {
  /// Braille patterns, hexagrams and box drawings.
  private static let candidates: [ClosedRange<UInt32>] = [
    0x2801...0x28FF, 0x4DC0...0x4DFF, 0x2500...0x257F,
  ]

  private var free: [Unicode.Scalar] = []
  private var standIns: [Unicode.Scalar: Unicode.Scalar] = [:]
  private var originals: [Unicode.Scalar: Unicode.Scalar] = [:]

  /// Stand-ins that occur in none of the values and texts.
  init(unusedIn values: [JSONValue], _ texts: [String]) {
    var used: Set<UInt32> = []
    for value in values { Self.note(value, &used) }
    for text in texts { Self.note(text, &used) }
    free = Self.candidates.joined().reversed().filter { !used.contains($0) }.compactMap(Unicode.Scalar.init)
  }

  /// The scalar that stands in for another from now on; nil when there is none left.
  mutating func standIn(for scalar: Unicode.Scalar) -> Unicode.Scalar? {
    if let known = standIns[scalar] { return known }
    guard let new = free.popLast() else { return nil }
    standIns[scalar] = new
    originals[new] = scalar
    return new
  }

  /// UTF-8 text with all stand-ins replaced by what they stand for, also where the template wrote them as JSON escapes.
  func restored(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = text.startIndex
    while index < text.endIndex {
      if let code = Self.symbol(in: text, at: index), let original = original(code) {
        result += UTF8.encode(original) ?? UTF8.encodedReplacementCharacter
        index += 3
      } else if let code = Self.escape(in: text, at: index), let original = original(code) {
        result += Self.escaped(original).utf8
        index += 6
      } else {
        result.append(text[index])
        index += 1
      }
    }
    return result
  }

  private func original(_ code: UInt32) -> Unicode.Scalar? { Unicode.Scalar(code).flatMap { originals[$0] } }

  private static func note(_ value: JSONValue, _ used: inout Set<UInt32>) {
    switch value {
    case .string(let text): note(text, &used)
    case .array(let elements): for element in elements { note(element, &used) }
    case .object(let object):
      for (key, value) in object.members {
        note(key, &used)
        note(value, &used)
      }
    case .null, .bool, .int, .double: break
    }
  }

  private static func note(_ text: String, _ used: inout Set<UInt32>) {
    let bytes = Array(text.utf8)[...]
    for index in bytes.indices {
      if let code = symbol(in: bytes, at: index) ?? escape(in: bytes, at: index) { used.insert(code) }
    }
  }

  /// The code of a scalar of three bytes that begins at a place, of those from which stand-ins are taken.
  private static func symbol(in text: ArraySlice<UInt8>, at index: Int) -> UInt32? {
    guard text[index] == 0xE2 || text[index] == 0xE4, text.endIndex - index >= 3 else { return nil }
    return UInt32(text[index] & 0x0F) << 12 | UInt32(text[index + 1] & 0x3F) << 6 | UInt32(text[index + 2] & 0x3F)
  }

  /// The code of `\uXXXX` at a place; nil where there is no such escape.
  private static func escape(in text: ArraySlice<UInt8>, at index: Int) -> UInt32? {
    guard text[index] == UInt8(ascii: "\\"), text.endIndex - index >= 6, text[index + 1] == UInt8(ascii: "u") else {
      return nil
    }
    return UInt32(String(decoding: text[index + 2..<index + 6], as: UTF8.self), radix: 16)
  }

  /// A scalar as JSON that is all ASCII writes it.
  private static func escaped(_ scalar: Unicode.Scalar) -> Substring {
    var style = JSONStyle.compact
    style.escapesNonASCII = true
    return JSONValue.string(String(Character(scalar))).text(style).dropFirst().dropLast()
  }
}
