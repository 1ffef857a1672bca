import TesseraJSON

/// Scalars that stand in for others, one for one, while a template runs.
///
/// They are symbols, which Python prints, strips and compares as it does the punctuation that they stand for. Only
/// those are used that occur nowhere else, neither as themselves nor as an escape of JSON, so that what stands in can be
/// told from what was there.
struct StandIns {
  /// Braille patterns, hexagrams, box drawings and blocks.
  private static let candidates: [ClosedRange<UInt32>] = [
    0x2801...0x28FF, 0x4DC0...0x4DFF, 0x2500...0x259F,
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

  /// Whether nothing stands in for anything.
  var isEmpty: Bool { originals.isEmpty }

  /// The scalar that stands in for another from now on; nil when there is none left.
  mutating func standIn(for scalar: Unicode.Scalar) -> Unicode.Scalar? {
    if let known = standIns[scalar] { return known }
    guard let new = free.popLast() else { return nil }
    standIns[scalar] = new
    originals[new] = scalar
    return new
  }

  /// A text with all stand-ins replaced by what they stand for, also where the template wrote them as JSON escapes.
  func restored(_ text: String) -> String {
    guard !isEmpty else { return text }
    let scalars = Array(text.unicodeScalars)
    var result = String.UnicodeScalarView()
    var index = 0
    while index < scalars.count {
      if let original = originals[scalars[index]] {
        result.append(original)
      } else if scalars[index] == "\\", let code = Self.escape(in: scalars, at: index),
        let original = Unicode.Scalar(code).flatMap({ originals[$0] })
      {
        result.append(contentsOf: Self.escaped(original))
        index += 5
      } else {
        result.append(scalars[index])
      }
      index += 1
    }
    return String(result)
  }

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
    for scalar in text.unicodeScalars where candidates.contains(where: { $0.contains(scalar.value) }) {
      used.insert(scalar.value)
    }
    guard text.utf8.contains(UInt8(ascii: "\\")) else { return }
    let scalars = Array(text.unicodeScalars)
    for index in scalars.indices where scalars[index] == "\\" {
      if let code = escape(in: scalars, at: index) { used.insert(code) }
    }
  }

  /// The code of `\uXXXX` at a place; nil where there is no such escape.
  private static func escape(in scalars: [Unicode.Scalar], at index: Int) -> UInt32? {
    guard scalars.count - index >= 6, scalars[index + 1] == "u" else { return nil }
    return UInt32(String(String.UnicodeScalarView(scalars[index + 2..<index + 6])), radix: 16)
  }

  /// A scalar as JSON that is all ASCII writes it.
  private static func escaped(_ scalar: Unicode.Scalar) -> String.UnicodeScalarView {
    var style = JSONStyle.compact
    style.escapesNonASCII = true
    return String(JSONValue.string(String(Character(scalar))).text(style).dropFirst().dropLast()).unicodeScalars
  }
}
