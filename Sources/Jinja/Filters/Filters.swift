/// The filters of `value | filter`.
enum Filters {
  /// Jinja's filters that are not interpreted here.
  private static let refused: Set<String> = [
    "filesizeformat", "groupby", "pprint", "random", "striptags", "urlencode", "urlize", "wordwrap", "xmlattr",
  ]

  private static let textFilters: Set<String> = [
    "capitalize", "center", "e", "escape", "forceescape", "format", "indent", "lower", "replace", "safe", "string",
    "title", "trim", "truncate", "upper", "wordcount",
  ]

  private static let valueFilters: Set<String> = [
    "abs", "attr", "count", "d", "default", "dictsort", "first", "float", "int", "items", "join", "last", "length",
    "list", "max", "min", "reverse", "round", "sort", "sum", "tojson",
  ]

  private static let lazyFilters: Set<String> = [
    "batch", "map", "reject", "rejectattr", "select", "selectattr", "slice", "unique",
  ]

  /// Whether Jinja has a filter of this name.
  static func isKnown(_ name: String) -> Bool {
    textFilters.contains(name) || valueFilters.contains(name) || lazyFilters.contains(name) || refused.contains(name)
  }

  static func apply(
    _ name: String, to value: Value, _ arguments: Arguments, _ interpreter: Interpreter
  ) throws(TemplateError) -> Value {
    try interpreter.charge(1)
    if textFilters.contains(name) { return try interpreter.textFilter(name, value, arguments) }
    if valueFilters.contains(name) { return try interpreter.valueFilter(name, value, arguments) }
    if lazyFilters.contains(name) { return try interpreter.lazyFilter(name, value, arguments) }
    if refused.contains(name) { throw interpreter.unsupported("the filter '\(name)'") }
    throw interpreter.fail("there is no filter named '\(name)'")
  }
}

extension Interpreter {
  fileprivate func valueFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
    switch name {
    case "default", "d":
      let values = try arguments.bind(["default_value", "boolean"], for: name, self)
      let isReplaced = value.isUndefined || ((values[1]?.isTrue ?? false) && !value.isTrue)
      return isReplaced ? values[0] ?? .string("") : value
    case "attr":
      let attribute = try text(try arguments.bind(["name"], required: 1, for: name, self)[0] ?? .none, for: name)
      if case .dictionary(let dictionary) = value, dictionary.value(named: attribute) != nil {
        throw unsupported("'attr' of a dictionary's key")
      }
      return try self.attribute(attribute, of: value)
    case "items":
      _ = try arguments.bindPositional(0...0, for: name, self)
      // Like Jinja's, a wrong value is noticed when the first item is asked for.
      var items: LazyIterator?
      return .iterator(
        LazyIterator(depth: value.depth + 1) { [self] () throws(TemplateError) in
          if items == nil { items = try iterate(try pairs(of: value)) }
          return try items?.next()
        })
    case "length", "count":
      _ = try arguments.bindPositional(0...0, for: name, self)
      if case .loop(let loop) = value { return try loop.attribute("length", self) ?? .none }
      guard let length = try knownLength(of: value) else {
        throw fail("a value of type \(value.typeName) has no length")
      }
      return .int(length)
    case "first", "last", "list", "reverse", "join": return try sequenceFilter(name, value, arguments)
    case "dictsort", "sort", "min", "max", "sum": return try orderFilter(name, value, arguments)
    case "tojson": return try toJSON(value, arguments)
    default: return try numberFilter(name, value, arguments)
    }
  }

  private func pairs(of value: Value) throws(TemplateError) -> Value {
    switch value {
    case .undefined: return value
    case .dictionary(let dictionary): return .view(dictionary, .items)
    default: throw fail("'items' needs a dictionary, not a value of type \(value.typeName)")
    }
  }

  private func sequenceFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
    if name == "join" {
      let values = try arguments.bind(["d", "attribute"], for: name, self)
      var items = try allItems(of: value)
      if let path = values[1], !path.isNone {
        let path = try attributePath(path)
        for index in items.indices { items[index] = try follow(path, from: items[index]) }
      }
      return try join(items, with: try printed(values[0] ?? .string("")), requiresStrings: false)
    }
    _ = try arguments.bindPositional(0...0, for: name, self)
    switch name {
    case "first":
      guard isIterable(value) else { throw fail("'first' of a value of type \(value.typeName)") }
      return try iterate(value).next() ?? .undefined("there is no first item: the sequence is empty")
    case "last":
      if case .iterator = value { throw fail("'last' of a sequence that only runs forward") }
      if case .loop = value { throw fail("'last' of a loop") }
      return try allItems(of: value).last ?? .undefined("there is no last item: the sequence is empty")
    case "list": return try list(try allItems(of: value))
    default:
      if case .string(let text) = value {
        try charge(text.utf8.count / 8)
        return .string(String(scalars: text.unicodeScalars.reversed()))
      }
      let items = Array(try allItems(of: value).reversed())
      // Python makes an iterator of a sequence and a list of anything else.
      if case .iterator = value { return try list(items) }
      return .iterator(try iterate(try list(items)))
    }
  }

  private func numberFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
    if let text = value.text { try charge(text.utf8.count / 8) }
    switch name {
    case "abs":
      _ = try arguments.bindPositional(0...0, for: name, self)
      if case .float(let number) = value { return .float(number.magnitude) }
      guard let number = value.index else { throw fail("'abs' of a value of type \(value.typeName)") }
      return number < 0 ? try apply(.minus, .int(number)) : .int(number)
    case "int": return try toInteger(value, try arguments.bind(["default", "base"], for: name, self))
    case "float":
      let fallback = try arguments.bind(["default"], for: name, self)[0] ?? .float(0)
      if let number = value.number { return .float(number) }
      if case .undefined(let undefined) = value { throw fail(undefined.message) }
      return value.text.flatMap(Double.init(python:)).map { .float($0) } ?? fallback
    default: return try round(value, try arguments.bind(["precision", "method"], for: name, self))
    }
  }

  private func toInteger(_ value: Value, _ options: [Value?]) throws(TemplateError) -> Value {
    let fallback = options[0] ?? .int(0)
    switch value {
    case .undefined(let undefined): throw fail(undefined.message)
    case .bool, .int: return .int(value.index ?? 0)
    case .float(let number):
      if number.isNaN { return fallback }
      guard let whole = Int(exactly: number.rounded(.towardZero)) else {
        throw fail("a number too large for an integer")
      }
      return .int(whole)
    case .string(let text), .markup(let text):
      let base = try options[1].map { base throws(TemplateError) in try integer(base, for: "int") } ?? 10
      guard base == 0 || (2...36).contains(base) else { return fallback }
      guard text.utf8.allSatisfy({ $0 < 128 }) else { throw unsupported("'int' of text beyond ASCII") }
      switch PythonInteger.parse(text, base: base) {
      case .value(let number): return .int(number)
      case .tooLarge: throw fail("a number does not fit in 64 bits")
      case .malformed: break
      }
      guard let float = Double(python: text), float.isFinite else { return fallback }
      guard let whole = Int(exactly: float.rounded(.towardZero)) else { throw fail("a number does not fit in 64 bits") }
      return .int(whole)
    default: return fallback
    }
  }

  private func round(_ value: Value, _ options: [Value?]) throws(TemplateError) -> Value {
    let precision = try options[0].map { value throws(TemplateError) in try integer(value, for: "round") } ?? 0
    let method = try options[1].map { value throws(TemplateError) in try text(value, for: "round") } ?? "common"
    guard ["common", "ceil", "floor"].contains(method) else { throw fail("'round' by common, ceil or floor only") }
    if case .undefined(let undefined) = value { throw fail(undefined.message) }
    guard let number = value.number else { throw fail("'round' of a value of type \(value.typeName)") }
    if method == "common" {
      if let whole = value.index {
        if precision < 0 { throw unsupported("'round' of an integer to tens") }
        return .int(whole)
      }
      guard number.isFinite, precision <= 323 else { return .float(number) }
      guard precision >= 0 else { throw unsupported("'round' to tens") }
      return .float(Double(try decimal(number, precision: precision, type: "f")) ?? number)
    }
    guard (0...15).contains(precision) else { throw unsupported("'round' to \(precision) places") }
    var scale = 1
    for _ in 0..<precision { scale *= 10 }
    let scaled = try apply(.multiply, value, .int(scale)).number ?? number
    guard let whole = Int(exactly: scaled.rounded(method == "ceil" ? .up : .down)) else {
      throw fail("'round' of a number too large")
    }
    return try apply(.divide, .int(whole), .int(scale))
  }
}

extension Value {
  var isNone: Bool { if case .none = self { true } else { false } }
}
