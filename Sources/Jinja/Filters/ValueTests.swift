/// The tests of `value is test`.
enum ValueTests {
  private static let names: Set<String> = [
    "odd", "even", "divisibleby", "defined", "undefined", "filter", "test", "none", "boolean", "false", "true",
    "integer", "float", "lower", "upper", "string", "mapping", "number", "sequence", "iterable", "callable", "sameas",
    "escaped", "in", "==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", "ge", ">=", "<", "lt", "lessthan",
    "<=", "le",
  ]

  /// Whether Jinja has a test of this name.
  static func isKnown(_ name: String) -> Bool { names.contains(name) }

  private static let comparisons: [String: CompareOperator] = [
    "==": .equal, "eq": .equal, "equalto": .equal, "!=": .notEqual, "ne": .notEqual, ">": .greater, "gt": .greater,
    "greaterthan": .greater, "ge": .greaterOrEqual, ">=": .greaterOrEqual, "<": .less, "lt": .less, "lessthan": .less,
    "<=": .lessOrEqual, "le": .lessOrEqual, "in": .contained,
  ]

  static func apply(
    _ name: String, to value: Value, _ arguments: Arguments, _ interpreter: Interpreter
  ) throws(TemplateError) -> Bool {
    if let operation = comparisons[name] {
      let other = try arguments.bindPositional(1...1, for: "the test '\(name)'", interpreter)[0]
      return try interpreter.compare(operation, value, other)
    }
    switch name {
    case "divisibleby":
      let divisor = try arguments.bind(["num"], required: 1, for: "divisibleby", interpreter)[0] ?? .none
      return try interpreter.areEqual(try interpreter.apply(.modulo, value, divisor), .int(0))
    case "sameas":
      let other = try arguments.bind(["other"], required: 1, for: "sameas", interpreter)[0] ?? .none
      return try isSame(value, other, interpreter)
    default: break
    }
    guard isKnown(name) else { throw interpreter.fail("there is no test named '\(name)'") }
    _ = try arguments.bindPositional(0...0, for: "the test '\(name)'", interpreter)
    switch name {
    case "odd", "even":
      let remainder = try interpreter.apply(.modulo, value, .int(2))
      return try interpreter.areEqual(remainder, .int(name == "odd" ? 1 : 0))
    case "lower", "upper":
      let text = try interpreter.printed(value)
      try interpreter.charge(text.utf8.count / 8)
      return text.isPython(lower: name == "lower")
    case "filter", "test":
      guard let key = try interpreter.hashed(value) else {
        if value.isUndefined { return false }
        throw interpreter.fail("'is \(name)' of a value of type \(value.typeName)")
      }
      guard case .string(let text) = key else { return false }
      return name == "test" ? isKnown(text.text) : Filters.isKnown(text.text)
    case "iterable": return interpreter.isIterable(value)
    case "escaped": if case .markup = value { return true } else { return false }
    default: return isOfType(name, value)
    }
  }

  private static func isOfType(_ name: String, _ value: Value) -> Bool {
    switch (name, value) {
    case ("undefined", .undefined), ("none", .none), ("boolean", .bool), ("integer", .int), ("float", .float),
      ("string", .string), ("string", .markup), ("mapping", .dictionary):
      true
    case ("defined", _): !value.isUndefined
    case ("true", .bool(let flag)): flag
    case ("false", .bool(let flag)): !flag
    case ("number", .bool), ("number", .int), ("number", .float): true
    case ("sequence", .string), ("sequence", .markup), ("sequence", .list), ("sequence", .tuple),
      ("sequence", .dictionary), ("sequence", .range), ("sequence", .undefined):
      true
    case ("callable", .function), ("callable", .macro), ("callable", .method), ("callable", .joiner),
      ("callable", .loop), ("callable", .undefined):
      true
    default: false
    }
  }

  /// Python's `is`, for the values that exist once.
  private static func isSame(
    _ left: Value, _ right: Value, _ interpreter: Interpreter
  ) throws(TemplateError) -> Bool {
    switch (left, right) {
    case (.none, .none): return true
    case (.bool(let a), .bool(let b)): return a == b
    case (.namespace(let a), .namespace(let b)): return a === b
    case (.none, _), (_, .none), (.bool, _), (_, .bool): return false
    default: throw interpreter.unsupported("'sameas' of values that may be copies")
    }
  }
}
