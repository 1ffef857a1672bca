extension Interpreter {
  func textFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
    switch name {
    case "safe":
      _ = try arguments.bindPositional(0...0, for: name, self)
      return .markup(try printed(value))
    case "string":
      _ = try arguments.bindPositional(0...0, for: name, self)
      if case .markup = value { return value }
      return try string(try printed(value))
    case "e", "escape", "forceescape":
      _ = try arguments.bindPositional(0...0, for: name, self)
      if case .markup = value, name != "forceescape" { return value }
      return .markup(try escaped(try printed(value)))
    default: break
    }
    if case .markup = value { throw unsupported("the filter '\(name)' of text marked safe") }
    if let text = value.text { try charge(text.utf8.count / 32) }
    switch name {
    case "replace":
      let values = try arguments.bind(["old", "new", "count"], required: 2, for: name, self)
      let count = try values[2].map { value throws(TemplateError) in value.isNone ? -1 : try integer(value, for: name) }
      let old = try printed(values[0] ?? .none)
      let new = try printed(values[1] ?? .none)
      return try replacing(try printed(value), old, with: new, count: count ?? -1)
    case "trim":
      let characters = try optionalText(try arguments.bind(["chars"], for: name, self)[0], for: name)
      return .string(try stripped(try printed(value), of: characters))
    case "format": return try formatFilter(try printed(value), arguments)
    case "indent": return try indent(value, try arguments.bind(["width", "first", "blank"], for: name, self))
    case "center":
      let width = try arguments.bind(["width"], for: name, self)[0]
      return try center(
        try printed(value), width: try width.map { value throws(TemplateError) in try integer(value, for: name) } ?? 80)
    case "truncate":
      return try truncate(value, try arguments.bind(["length", "killwords", "end", "leeway"], for: name, self))
    default: break
    }
    _ = try arguments.bindPositional(0...0, for: name, self)
    let text = try printed(value)
    try charge(text.utf8.count / 8)
    switch name {
    case "upper": return try string(text.pythonUppercased())
    case "lower": return try string(text.pythonLowercased())
    case "capitalize": return try string(text.pythonCapitalized())
    case "title": return try string(titled(text))
    default: return .int(try wordCount(text))
    }
  }

  /// A text with the escapes of HTML, as what joins text that is marked safe gets them.
  func escaped(_ text: String) throws(TemplateError) -> String {
    try checkText(bytes: text.utf8.count * 5)
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "'": result += "&#39;"
      case "\"": result += "&#34;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private func formatFilter(_ text: String, _ arguments: Arguments) throws(TemplateError) -> Value {
    if arguments.keyword.count > 0 {
      guard arguments.positional.isEmpty else { throw fail("'format' takes values or named values, not both") }
      return try printf(text, .dictionary(arguments.keyword))
    }
    return try printf(text, try tuple(arguments.positional))
  }

  /// Jinja's `title`: words begin after white space, a hyphen or an opening bracket.
  private func titled(_ text: String) -> String {
    var result = ""
    var word: [Unicode.Scalar] = []
    func flush() {
      guard let first = word.first else { return }
      result += first.properties.uppercaseMapping
      result += String(scalars: word.dropFirst()).pythonLowercased()
      word = []
    }
    for scalar in text.unicodeScalars {
      if scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar) {
        flush()
        result.unicodeScalars.append(scalar)
      } else {
        word.append(scalar)
      }
    }
    flush()
    return result
  }

  private func wordCount(_ text: String) throws(TemplateError) -> Int {
    var count = 0
    var inWord = false
    for scalar in text.unicodeScalars {
      let isWord = scalar == "_" || scalar.isPythonAlphanumeric
      if isWord, !inWord { count += 1 }
      inWord = isWord
    }
    return count
  }

  private func indent(_ value: Value, _ options: [Value?]) throws(TemplateError) -> Value {
    let subject = try text(value, for: "indent")
    let indentation: String
    if let text = options[0]?.text {
      indentation = text
    } else {
      let width = try options[0].map { value throws(TemplateError) in try integer(value, for: "indent") } ?? 4
      try checkText(bytes: max(width, 0))
      indentation = String(repeating: " ", count: max(width, 0))
    }
    let indentsFirst = options[1]?.isTrue ?? false
    let indentsBlank = options[2]?.isTrue ?? false
    let lines = (subject + "\n").lines()
    try checkProduct(lines.count + 1, indentation.utf8.count + 1, plus: subject.utf8.count)
    try charge(lines.count)
    var result = ""
    for (index, line) in lines.enumerated() {
      if index > 0 { result += "\n" }
      if index == 0 ? indentsFirst : indentsBlank || !line.isEmpty { result += indentation }
      result += line
    }
    return .string(result)
  }

  private func center(_ text: String, width: Int) throws(TemplateError) -> Value {
    let missing = max(width, 0) - text.unicodeScalars.count
    guard missing > 0 else { return .string(text) }
    try checkProduct(missing, 1, plus: text.utf8.count)
    // An odd space goes left where the width is odd.
    let left = missing / 2 + (missing & width & 1)
    return .string(String(repeating: " ", count: left) + text + String(repeating: " ", count: missing - left))
  }

  private func truncate(_ value: Value, _ options: [Value?]) throws(TemplateError) -> Value {
    let subject = try text(value, for: "truncate")
    let length = try options[0].map { value throws(TemplateError) in try integer(value, for: "truncate") } ?? 255
    let end = try options[2].map { value throws(TemplateError) in try text(value, for: "truncate") } ?? "..."
    let leeway =
      try options[3].map { value throws(TemplateError) in
        value.isNone ? 5 : try integer(value, for: "truncate")
      } ?? 5
    let endCount = end.unicodeScalars.count
    guard length >= endCount, leeway >= 0 else {
      throw fail("'truncate' to less than its end, or with a leeway below 0")
    }
    let scalars = Array(subject.unicodeScalars)
    if scalars.count - leeway <= length { return value }
    let kept = String(scalars: scalars.prefix(length - endCount))
    if options[1]?.isTrue ?? false { return try string(kept + end) }
    return try string((kept.splitFromRight(at: " ", limit: 1).first ?? kept) + end)
  }
}
