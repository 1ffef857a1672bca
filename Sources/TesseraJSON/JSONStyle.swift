/// The layout of a JSON text that is written. The standard one is that of Python's `json.dumps`, without its escapes.
package struct JSONStyle: Sendable {
  /// Text between two members or elements.
  package var itemSeparator = ", "
  /// Text between a key and its value.
  package var keySeparator = ": "
  /// Text that a level is indented by, each member and element on a line of its own; nil for one line.
  package var indent: String?
  /// Whether what is not ASCII is written as `\uXXXX`.
  package var escapesNonASCII = false
  /// Whether a number that is not finite is written as Python does (`NaN`, `Infinity`); if not, as null.
  package var writesNonFinite = false

  /// One line, spaced as Python spaces it.
  package static let spaced = JSONStyle()

  /// One line without spaces.
  package static let compact = {
    var style = JSONStyle()
    style.itemSeparator = ","
    style.keySeparator = ":"
    return style
  }()

  /// A member or element a line, indented by two spaces.
  package static let indented = {
    var style = JSONStyle()
    style.itemSeparator = ","
    style.indent = "  "
    return style
  }()

  /// Makes the standard style, to be changed field by field.
  package init() {}
}

extension JSONValue {
  /// The value as JSON text, members in their order.
  package func text(_ style: JSONStyle = .compact) -> String {
    var writer = JSONWriter(style)
    write(to: &writer)
    return writer.text
  }

  private func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let flag): writer.bool(flag)
    case .int(let number): writer.int(number)
    case .double(let number): writer.double(number)
    case .string(let text): writer.string(text)
    case .array(let elements):
      writer.open("[")
      for element in elements { element.write(to: &writer) }
      writer.close("]")
    case .object(let object):
      writer.open("{")
      for (key, value) in object.members {
        writer.key(key)
        value.write(to: &writer)
      }
      writer.close("}")
    }
  }
}
