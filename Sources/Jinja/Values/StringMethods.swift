extension Interpreter {
  func callStringMethod(
    _ name: String, of text: String, _ arguments: Arguments
  ) throws(TemplateError) -> Value {
    try charge(text.utf8.count / 8)
    switch name {
    case "strip", "lstrip", "rstrip":
      let values = try arguments.bindPositional(0...1, for: name, self)
      let characters = try optionalText(values.first, for: name)
      return .string(try stripped(text, of: characters, left: name != "rstrip", right: name != "lstrip"))
    case "startswith", "endswith": return .bool(try hasAffix(text, name, arguments))
    case "split", "rsplit": return try split(text, name, arguments)
    case "splitlines":
      let keepingEnds = try arguments.bind(["keepends"], for: name, self)[0]?.isTrue ?? false
      return try list(text.lines(keepingEnds: keepingEnds).map { .string($0) })
    case "partition", "rpartition": return try partition(text, name, arguments)
    case "find", "rfind", "index", "rindex", "count": return try search(text, name, arguments)
    case "replace":
      let values = try arguments.bindPositional(2...3, for: name, self)
      let count = values.count > 2 ? try integer(values[2], for: name) : -1
      return try replacing(
        text, try self.text(values[0], for: name), with: try self.text(values[1], for: name), count: count)
    case "join":
      let values = try arguments.bindPositional(1...1, for: name, self)
      return try join(try allItems(of: values[0]), with: text, requiresStrings: true)
    case "removeprefix", "removesuffix":
      let affix = try self.text(try arguments.bindPositional(1...1, for: name, self)[0], for: name)
      if name == "removeprefix" {
        return .string(
          text.hasScalarPrefix(affix) ? String(decoding: text.utf8.dropFirst(affix.utf8.count), as: UTF8.self) : text)
      }
      return .string(
        text.hasScalarSuffix(affix) ? String(decoding: text.utf8.dropLast(affix.utf8.count), as: UTF8.self) : text)
    case "zfill", "ljust", "rjust": return try pad(text, name, arguments)
    case "format": return try format(text, arguments)
    default:
      _ = try arguments.bindPositional(0...0, for: name, self)
      return try inspect(text, name)
    }
  }

  /// Methods without arguments.
  private func inspect(_ text: String, _ name: String) throws(TemplateError) -> Value {
    switch name {
    case "upper": return try string(text.pythonUppercased())
    case "lower": return try string(text.pythonLowercased())
    case "title": return try string(text.pythonTitlecased())
    case "capitalize": return try string(text.pythonCapitalized())
    case "swapcase": return try string(text.pythonSwappedCase())
    case "casefold":
      guard text.utf8.allSatisfy({ $0 < 128 }) else { throw unsupported("'casefold' of text beyond ASCII") }
      return try string(text.pythonLowercased())
    case "isalnum": return .bool(text.isAll(\.isPythonAlphanumeric))
    case "isalpha": return .bool(text.isAll(\.isPythonAlphabetic))
    case "isascii": return .bool(text.utf8.allSatisfy { $0 < 128 })
    case "isdecimal": return .bool(text.isAll { $0.properties.numericType == .decimal })
    case "isdigit": return .bool(text.isAll(\.isPythonDigit))
    case "isnumeric": return .bool(text.isAll { $0.properties.numericType != nil })
    case "isspace": return .bool(text.isAll(\.isPythonSpace))
    case "isprintable": return .bool(text.unicodeScalars.allSatisfy(\.isPythonPrintable))
    case "islower": return .bool(text.isPython(lower: true))
    case "isupper": return .bool(text.isPython(lower: false))
    default: throw unsupported("the method '\(name)' of a string")
    }
  }

  // MARK: Arguments

  /// The text of an argument that must be a string. Counts the work of reading it.
  func text(_ value: Value, for function: String) throws(TemplateError) -> String {
    if case .string(let text) = value {
      try charge(text.utf8.count / 32)
      return text
    }
    if case .undefined(let undefined) = value { throw fail("\(function): \(undefined.message)") }
    throw fail("\(function) needs a string, not a value of type \(value.typeName)")
  }

  func optionalText(_ value: Value?, for function: String) throws(TemplateError) -> String? {
    guard let value else { return nil }
    if case .none = value { return nil }
    return try text(value, for: function)
  }

  func integer(_ value: Value, for function: String) throws(TemplateError) -> Int {
    if case .undefined(let undefined) = value { throw fail("\(function): \(undefined.message)") }
    guard let number = value.index else {
      throw fail("\(function) needs an integer, not a value of type \(value.typeName)")
    }
    return number
  }

  // MARK: Methods

  private func hasAffix(_ text: String, _ name: String, _ arguments: Arguments) throws(TemplateError) -> Bool {
    let values = try arguments.bindPositional(1...3, for: name, self)
    var subject = text
    if values.count > 1 {
      let scalars = Array(text.unicodeScalars)
      let bounds = try searchBounds(values.dropFirst(), count: scalars.count)
      if case .int(let start) = values[1], start > scalars.count { return false }
      subject = String(scalars: scalars[bounds])
    }
    var affixes = [values[0]]
    if case .tuple(let list) = values[0] { affixes = list.items }
    for affix in affixes {
      try charge(1)
      let affix = try self.text(affix, for: name)
      if name == "startswith" ? subject.hasScalarPrefix(affix) : subject.hasScalarSuffix(affix) { return true }
    }
    return false
  }

  /// A text without the given characters, or white space, at the chosen ends.
  func stripped(
    _ text: String, of characters: String?, left: Bool = true, right: Bool = true
  ) throws(TemplateError) -> String {
    // The characters become a set.
    try charge(text.utf8.count / 16 + (characters?.utf8.count ?? 0))
    return text.stripped(of: characters, left: left, right: right)
  }

  private func split(_ text: String, _ name: String, _ arguments: Arguments) throws(TemplateError) -> Value {
    let values = try arguments.bind(["sep", "maxsplit"], for: name, self)
    let separator = try optionalText(values[0], for: name)
    let maximum = try values[1].map { value throws(TemplateError) in try integer(value, for: name) } ?? -1
    let limit = maximum < 0 ? nil : maximum
    let parts: [String]
    if let separator {
      guard !separator.isEmpty else { throw fail("\(name) at an empty separator") }
      parts =
        name == "split" ? text.split(at: separator, limit: limit) : text.splitFromRight(at: separator, limit: limit)
    } else {
      parts = name == "split" ? text.words(limit: limit) : text.wordsFromRight(limit: limit)
    }
    return try list(parts.map { .string($0) })
  }

  private func partition(_ text: String, _ name: String, _ arguments: Arguments) throws(TemplateError) -> Value {
    let separator = try self.text(try arguments.bindPositional(1...1, for: name, self)[0], for: name)
    guard !separator.isEmpty else { throw fail("\(name) at an empty separator") }
    let isLeft = name == "partition"
    let parts = isLeft ? text.split(at: separator, limit: 1) : text.splitFromRight(at: separator, limit: 1)
    if parts.count == 2 { return try tuple([.string(parts[0]), .string(separator), .string(parts[1])]) }
    return try tuple(isLeft ? [.string(text), .string(""), .string("")] : [.string(""), .string(""), .string(text)])
  }

  private func search(_ text: String, _ name: String, _ arguments: Arguments) throws(TemplateError) -> Value {
    let values = try arguments.bindPositional(1...3, for: name, self)
    let part = try self.text(values[0], for: name)
    let scalars = Array(text.unicodeScalars)
    let bounds = try searchBounds(values.dropFirst(), count: scalars.count)
    let isOutside = values.count > 1 && (values[1].index ?? 0) > scalars.count
    let subject = String(scalars: scalars[bounds])
    try charge(subject.utf8.count / 8)
    if name == "count" {
      if isOutside { return .int(0) }
      return .int(part.isEmpty ? bounds.count + 1 : subject.split(at: part, limit: nil).count - 1)
    }
    let isLast = name.hasPrefix("r")
    let pieces =
      part.isEmpty ? [] : isLast ? subject.splitFromRight(at: part, limit: 1) : subject.split(at: part, limit: 1)
    if part.isEmpty, !isOutside { return .int(isLast ? bounds.upperBound : bounds.lowerBound) }
    if pieces.count == 2 { return .int(bounds.lowerBound + pieces[0].unicodeScalars.count) }
    if name.hasSuffix("find") { return .int(-1) }
    throw fail("\(name): the text is not there")
  }

  /// Python's `str.replace`; a negative count replaces all.
  func replacing(_ text: String, _ old: String, with new: String, count: Int) throws(TemplateError) -> Value {
    let limit = count < 0 ? nil : count
    try charge(text.utf8.count / 4 + old.utf8.count / 8)
    if old.isEmpty {
      // Between all characters and at both ends.
      let scalars = Array(text.unicodeScalars)
      let places = min(limit ?? Int.max, scalars.count + 1)
      try checkProduct(places, new.utf8.count, plus: text.utf8.count)
      var result = ""
      for (index, scalar) in scalars.enumerated() {
        if index < places { result += new }
        result.unicodeScalars.append(scalar)
      }
      if scalars.count < places { result += new }
      return .string(result)
    }
    let parts = text.split(at: old, limit: limit)
    try checkProduct(parts.count - 1, new.utf8.count, plus: text.utf8.count)
    return .string(parts.joined(separator: new))
  }

  /// Refuses a result of `count` times `bytes`, and more, over the limit before it is made.
  func checkProduct(_ count: Int, _ bytes: Int, plus rest: Int) throws(TemplateError) {
    let (product, overflow) = count.multipliedReportingOverflow(by: bytes)
    let (total, overflows) = product.addingReportingOverflow(rest)
    try checkText(bytes: overflow || overflows ? Int.max : total)
  }

  func join(_ items: [Value], with separator: String, requiresStrings: Bool) throws(TemplateError) -> Value {
    var result = ""
    for (index, item) in items.enumerated() {
      try charge(1)
      if index > 0 { result += separator }
      result += requiresStrings ? try text(item, for: "join") : try printed(item)
      try checkSize(bytes: result.utf8.count)
    }
    return try string(result)
  }

  private func pad(_ text: String, _ name: String, _ arguments: Arguments) throws(TemplateError) -> Value {
    let values = try arguments.bindPositional(1...(name == "zfill" ? 1 : 2), for: name, self)
    let width = try integer(values[0], for: name)
    let fill = values.count > 1 ? try self.text(values[1], for: name) : name == "zfill" ? "0" : " "
    guard fill.unicodeScalars.count == 1 else { throw fail("\(name) needs one character to fill with") }
    let missing = max(width, 0) - text.unicodeScalars.count
    guard missing > 0 else { return .string(text) }
    try checkProduct(missing, fill.utf8.count, plus: text.utf8.count)
    let padding = String(repeating: fill, count: missing)
    if name == "zfill", let sign = text.unicodeScalars.first, sign == "+" || sign == "-" {
      return .string(String(scalars: [sign]) + padding + String(scalars: text.unicodeScalars.dropFirst()))
    }
    return .string(name == "ljust" ? text + padding : padding + text)
  }
}
