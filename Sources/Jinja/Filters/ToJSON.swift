import TesseraJSON

extension Interpreter {
  /// The `tojson` filter of transformers: Python's `json.dumps`, without Jinja's escapes for HTML.
  func toJSON(_ value: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
    let options = try arguments.bind(["ensure_ascii", "indent", "separators", "sort_keys"], for: "tojson", self)
    var style = JSONStyle()
    style.writesNonFinite = true
    style.escapesNonASCII = options[0]?.isTrue ?? false
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
    var output = JSONOutput(
      writer: JSONWriter(style), sortsKeys: options[3]?.isTrue ?? false, indentBytes: style.indent?.utf8.count ?? 0)
    try writeJSON(value, into: &output)
    return try string(output.writer.text)
  }

  private struct JSONOutput {
    var writer: JSONWriter
    let sortsKeys: Bool
    let indentBytes: Int
  }

  private func writeJSON(_ value: Value, into output: inout JSONOutput) throws(TemplateError) {
    try enter()
    defer { leave() }
    try checkProduct(output.writer.depth + 1, output.indentBytes, plus: 0)
    switch value {
    case .none: output.writer.null()
    case .bool(let flag): output.writer.bool(flag)
    case .int(let number): output.writer.int(number)
    case .float(let number): output.writer.double(number)
    case .string(let text), .markup(let text):
      try checkText(bytes: text.utf8.count)
      output.writer.string(text)
    case .list(let list), .tuple(let list):
      output.writer.open("[")
      for item in list.items { try writeJSON(item, into: &output) }
      output.writer.close("]")
    case .dictionary(let dictionary): try writeJSON(dictionary, into: &output)
    default: throw fail("a value of type \(value.typeName) cannot be written as JSON")
    }
    try checkSize(bytes: output.writer.text.utf8.count)
  }

  private func writeJSON(_ dictionary: DictionaryValue, into output: inout JSONOutput) throws(TemplateError) {
    var order = Array(dictionary.keys.indices)
    if output.sortsKeys {
      // Insertion into place: keys are few, and a comparison may fail.
      for index in order.indices {
        var slot = index
        while slot > 0, try isLess(dictionary.keys[order[slot]], dictionary.keys[order[slot - 1]]) {
          order.swapAt(slot, slot - 1)
          slot -= 1
        }
      }
    }
    output.writer.open("{")
    for index in order {
      let name: String
      switch dictionary.keys[index] {
      case .string(let text), .markup(let text): name = text
      case .none: name = "null"
      case .bool(let flag): name = flag ? "true" : "false"
      case .int(let number): name = String(number)
      case .float(let number): name = JSONValue.double(number).text(nonFinite)
      case let key: throw fail("a key of type \(key.typeName) cannot be written as JSON")
      }
      try checkText(bytes: name.utf8.count)
      output.writer.key(name)
      try writeJSON(dictionary.values[index], into: &output)
    }
    output.writer.close("}")
  }

  private var nonFinite: JSONStyle {
    var style = JSONStyle.compact
    style.writesNonFinite = true
    return style
  }
}
