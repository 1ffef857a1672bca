import TesseraJSON

extension Interpreter {
  /// Python's `str` of a value: what `{{ value }}` prints.
  func printed(_ value: Value) throws(TemplateError) -> String {
    switch value {
    case .undefined: ""
    case .string(let text), .markup(let text): text
    default: try represented(value)
    }
  }

  /// Python's `repr` of a value.
  func represented(_ value: Value) throws(TemplateError) -> String {
    var text = ""
    try represent(value, into: &text)
    return text
  }

  private func represent(_ value: Value, into text: inout String) throws(TemplateError) {
    try enter()
    defer { leave() }
    switch value {
    case .undefined: text += "Undefined"
    case .none: text += "None"
    case .bool(let value): text += value ? "True" : "False"
    case .int(let value): text += String(value)
    case .float(let value): text += value.pythonDescription
    case .string(let string): try append(string.pythonRepresentation, to: &text)
    case .markup(let string): try append("Markup(\(string.pythonRepresentation))", to: &text)
    case .list(let list):
      text += "["
      try represent(list.items, into: &text)
      text += "]"
    case .tuple(let list):
      text += "("
      try represent(list.items, into: &text)
      text += list.items.count == 1 ? ",)" : ")"
    case .dictionary(let dictionary): try represent(dictionary, into: &text)
    case .view(let dictionary, let view):
      text += view.rawValue + "(["
      try represent(dictionary.items(of: view), into: &text)
      text += "])"
    case .range(let range):
      text += "range(\(range.start), \(range.stop)\(range.step == 1 ? "" : ", \(range.step)"))"
    case .iterator, .namespace, .loop, .macro, .function, .method, .cycler, .joiner:
      throw unsupported("printing a value of type \(value.typeName)")
    }
  }

  private func append(_ part: String, to text: inout String) throws(TemplateError) {
    try charge(part.utf8.count / 32)
    try checkSize(bytes: text.utf8.count + part.utf8.count)
    text += part
  }

  private func represent(_ items: [Value], into text: inout String) throws(TemplateError) {
    for (index, item) in items.enumerated() {
      if index > 0 { text += ", " }
      try represent(item, into: &text)
    }
    try checkSize(bytes: text.utf8.count)
  }

  private func represent(_ dictionary: DictionaryValue, into text: inout String) throws(TemplateError) {
    text += "{"
    for (index, (key, value)) in zip(dictionary.keys, dictionary.values).enumerated() {
      if index > 0 { text += ", " }
      try represent(key, into: &text)
      text += ": "
      try represent(value, into: &text)
    }
    text += "}"
    try checkSize(bytes: text.utf8.count)
  }
}

extension String {
  /// Python's `repr` of a string.
  var pythonRepresentation: String {
    let quote: Unicode.Scalar = unicodeScalars.contains("'") && !unicodeScalars.contains("\"") ? "\"" : "'"
    var result = String.UnicodeScalarView()
    result.append(quote)
    for scalar in unicodeScalars {
      switch scalar {
      case quote, "\\": result.append(contentsOf: ["\\", scalar])
      case "\n": result.append(contentsOf: ["\\", "n"])
      case "\r": result.append(contentsOf: ["\\", "r"])
      case "\t": result.append(contentsOf: ["\\", "t"])
      default:
        if scalar.isPythonPrintable {
          result.append(scalar)
        } else {
          let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
          let hex = String(scalar.value, radix: 16)
          result.append(
            contentsOf: "\\\(letter)\(String(repeating: "0", count: width - hex.utf8.count))\(hex)".unicodeScalars)
        }
      }
    }
    result.append(quote)
    return String(result)
  }
}

extension Unicode.Scalar {
  /// Python's `str.isprintable` of one character.
  var isPythonPrintable: Bool {
    if value < 128 { return value >= 32 && value != 127 }
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
      return false
    default: return true
    }
  }
}
