extension Interpreter {
  /// The `tojson` filter of transformers: Python's `json.dumps`, without Jinja's escapes for HTML.
  func toJSON(_ value: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
    let options = try arguments.bind(["ensure_ascii", "indent", "separators", "sort_keys"], for: "tojson", self)
    var style = JSONStyle()
    style.escapesNonASCII = options[0]?.isTrue ?? false
    style.sortsKeys = options[3]?.isTrue ?? false
    if let indent = options[1], !indent.isNone {
      style.itemSeparator = ","
      if let text = indent.text {
        style.indent = text
      } else {
        let width = max(try integer(indent, for: "tojson"), 0)
        try checkText(bytes: width)
        style.indent = String(repeating: " ", count: width)
      }
    }
    if let separators = options[2], !separators.isNone {
      let parts = try allItems(of: separators)
      guard parts.count == 2 else { throw fail("'tojson' needs two separators") }
      style.itemSeparator = try text(parts[0], for: "tojson")
      style.keySeparator = try text(parts[1], for: "tojson")
    }
    var output = ""
    try writeJSON(value, style, level: 0, into: &output)
    return try string(output)
  }

  private struct JSONStyle {
    var escapesNonASCII = false
    var sortsKeys = false
    var indent: String?
    var itemSeparator = ", "
    var keySeparator = ": "
  }

  private func writeJSON(
    _ value: Value, _ style: JSONStyle, level: Int, into output: inout String
  ) throws(TemplateError) {
    try enter()
    defer { leave() }
    switch value {
    case .none: output += "null"
    case .bool(let flag): output += flag ? "true" : "false"
    case .int(let number): output += String(number)
    case .float(let number): output += number.jsonDescription
    case .string(let text), .markup(let text): try writeJSON(text, style, into: &output)
    case .list(let list), .tuple(let list):
      try writeJSON(list.items.count, "[", "]", style, level: level, into: &output) {
        (index, output) throws(TemplateError) in
        try writeJSON(list.items[index], style, level: level + 1, into: &output)
      }
    case .dictionary(let dictionary): try writeJSON(dictionary, style, level: level, into: &output)
    default: throw fail("a value of type \(value.typeName) cannot be written as JSON")
    }
    try checkSize(bytes: output.utf8.count)
  }

  private func writeJSON(
    _ dictionary: Dictionary, _ style: JSONStyle, level: Int, into output: inout String
  ) throws(TemplateError) {
    var order = Array(dictionary.keys.indices)
    if style.sortsKeys {
      // Insertion into place: keys are few, and a comparison may fail.
      for index in order.indices {
        var slot = index
        while slot > 0, try isLess(dictionary.keys[order[slot]], dictionary.keys[order[slot - 1]]) {
          order.swapAt(slot, slot - 1)
          slot -= 1
        }
      }
    }
    try writeJSON(order.count, "{", "}", style, level: level, into: &output) { (index, output) throws(TemplateError) in
      let name: String
      switch dictionary.keys[order[index]] {
      case .string(let text), .markup(let text): name = text
      case .none: name = "null"
      case .bool(let flag): name = flag ? "true" : "false"
      case .int(let number): name = String(number)
      case .float(let number): name = number.jsonDescription
      case let key: throw fail("a key of type \(key.typeName) cannot be written as JSON")
      }
      try writeJSON(name, style, into: &output)
      output += style.keySeparator
      try writeJSON(dictionary.values[order[index]], style, level: level + 1, into: &output)
    }
  }

  /// The items of an array or object between its brackets.
  private func writeJSON(
    _ count: Int, _ opening: String, _ closing: String, _ style: JSONStyle, level: Int, into output: inout String,
    _ writeItem: (Int, inout String) throws(TemplateError) -> Void
  ) throws(TemplateError) {
    output += opening
    for index in 0..<count {
      if index > 0 { output += style.itemSeparator }
      try writeLineBreak(style, level: level + 1, into: &output)
      try writeItem(index, &output)
    }
    if count > 0 { try writeLineBreak(style, level: level, into: &output) }
    output += closing
  }

  private func writeLineBreak(_ style: JSONStyle, level: Int, into output: inout String) throws(TemplateError) {
    guard let indent = style.indent else { return }
    try checkProduct(level, indent.utf8.count, plus: 0)
    try checkSize(bytes: output.utf8.count)
    output += "\n" + String(repeating: indent, count: level)
  }

  private func writeJSON(_ text: String, _ style: JSONStyle, into output: inout String) throws(TemplateError) {
    try checkText(bytes: text.utf8.count)
    output += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{8}": output += "\\b"
      case "\u{C}": output += "\\f"
      default:
        if scalar.value < 0x20 || (style.escapesNonASCII && scalar.value > 0x7E) {
          if scalar.value == 0x7F {
            output.unicodeScalars.append(scalar)
            continue
          }
          for unit in String(Character(scalar)).utf16 {
            let hex = String(unit, radix: 16)
            output += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
          }
        } else {
          output.unicodeScalars.append(scalar)
        }
      }
    }
    output += "\""
  }
}

extension Double {
  fileprivate var jsonDescription: String {
    if isNaN { return "NaN" }
    if isInfinite { return self < 0 ? "-Infinity" : "Infinity" }
    return pythonDescription
  }
}
