/// A JSON text, written value by value.
///
///     var writer = JSONWriter(.compact)
///     writer.open("{")
///     writer.key("n")
///     writer.int(1)
///     writer.close("}")       // writer.text == #"{"n":1}"#
///
/// Whoever writes sees to it that brackets match and that keys stand before values in objects, and only there.
package struct JSONWriter {
  /// The text so far.
  package private(set) var text = ""
  /// Arrays and objects that are open.
  package private(set) var depth = 0
  private let style: JSONStyle
  private var isFirst = true
  private var followsKey = false

  /// Begins an empty text.
  package init(_ style: JSONStyle = .compact) { self.style = style }

  /// Writes null.
  package mutating func null() { word("null") }

  /// Writes true or false.
  package mutating func bool(_ flag: Bool) { word(flag ? "true" : "false") }

  /// Writes an integer.
  package mutating func int(_ number: Int) { word(String(number)) }

  /// Writes a number by the shortest digits that read back as the same; what is not finite, as the style says.
  package mutating func double(_ number: Double) {
    if number.isFinite { return word(number.pythonDescription) }
    guard style.writesNonFinite else { return null() }
    word(number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
  }

  /// Writes a string in quotes, with escapes.
  package mutating func string(_ string: String) {
    beginItem()
    quote(string)
  }

  /// Writes a member's key and what separates it from the value.
  package mutating func key(_ key: String) {
    string(key)
    text += style.keySeparator
    followsKey = true
  }

  /// Begins an array `[` or an object `{`.
  package mutating func open(_ bracket: Character) {
    beginItem()
    text.append(bracket)
    depth += 1
    isFirst = true
  }

  /// Ends an array `]` or an object `}`.
  package mutating func close(_ bracket: Character) {
    depth = max(depth - 1, 0)
    if !isFirst { breakLine() }
    text.append(bracket)
    isFirst = false
  }

  private mutating func word(_ word: String) {
    beginItem()
    text += word
  }

  /// Writes what stands before an item: a comma, a line break.
  private mutating func beginItem() {
    defer { (isFirst, followsKey) = (false, false) }
    guard depth > 0, !followsKey else { return }
    if !isFirst { text += style.itemSeparator }
    breakLine()
  }

  private mutating func breakLine() {
    guard let indent = style.indent else { return }
    text += "\n"
    for _ in 0..<depth { text += indent }
  }

  private mutating func quote(_ string: String) {
    text += "\""
    defer { text += "\"" }
    let isPlain = string.utf8.allSatisfy { byte in
      byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        && (byte <= 0x7E || !style.escapesNonASCII)
    }
    if isPlain {
      text += string
      return
    }
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{8}": text += "\\b"
      case "\u{C}": text += "\\f"
      case _ where scalar.value < 0x20 || (style.escapesNonASCII && scalar.value > 0x7E): escape(scalar)
      default: text.unicodeScalars.append(scalar)
      }
    }
  }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
      let hex = String(unit, radix: 16)
      text += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
    }
  }
}
