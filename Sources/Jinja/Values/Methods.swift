/// The methods of a Python type.
struct Methods {
  /// Those interpreted here.
  let known: Set<String>
  /// Those that Python has as well: an error when used, as taking them for absent would change the prompt.
  let refused: Set<String>
  /// Those that Jinja's immutable sandbox hides.
  var mutating: Set<String> = []

  static let string = Methods(
    known: [
      "capitalize", "casefold", "count", "endswith", "find", "format", "index", "isalnum", "isalpha", "isascii",
      "isdecimal", "isdigit", "islower", "isnumeric", "isprintable", "isspace", "isupper", "join", "lower", "lstrip",
      "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rpartition", "rsplit", "rstrip",
      "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill", "ljust", "rjust",
    ],
    refused: ["center", "encode", "expandtabs", "format_map", "isidentifier", "istitle", "maketrans", "translate"])

  static let dictionary = Methods(
    known: ["get", "items", "keys", "values", "copy"], refused: ["fromkeys"],
    mutating: ["clear", "pop", "popitem", "setdefault", "update"])

  static let list = Methods(
    known: ["count", "index", "copy"], refused: [],
    mutating: ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"])

  static let tuple = Methods(known: ["count", "index"], refused: [])

  static let number = Methods(
    known: [],
    refused: [
      "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "from_bytes", "fromhex", "hex", "imag",
      "is_integer", "numerator", "real", "to_bytes",
    ])
}

extension Interpreter {
  func call(_ method: BoundMethod, _ arguments: Arguments) throws(TemplateError) -> Value {
    switch method.receiver {
    case .string(let text): return try callStringMethod(method.name, of: text, arguments)
    case .dictionary(let dictionary): return try callDictionaryMethod(method.name, of: dictionary, arguments)
    case .list(let list), .tuple(let list):
      return try callSequenceMethod(method.name, of: method.receiver, list.items, arguments)
    case .loop(let loop):
      let values = arguments.positional
      guard arguments.keyword.count == 0 else { throw fail("loop.\(method.name) takes no keyword arguments") }
      if method.name == "changed" { return .bool(try loop.changed(values, self)) }
      guard !values.isEmpty else { throw fail("loop.cycle needs at least one item") }
      return values[max(loop.index0, 0) % values.count]
    case .cycler(let cycler):
      _ = try arguments.bindPositional(0...0, for: method.name, self)
      let current = cycler.items.items[cycler.position]
      cycler.position = method.name == "reset" ? 0 : (cycler.position + 1) % cycler.items.items.count
      return method.name == "reset" ? .none : current
    default: throw fail("a value of type \(method.receiver.typeName) has no method '\(method.name)'")
    }
  }

  private func callDictionaryMethod(
    _ name: String, of dictionary: DictionaryValue, _ arguments: Arguments
  ) throws(TemplateError) -> Value {
    if name == "get" {
      let values = try arguments.bindPositional(1...2, for: "get", self)
      if values[0].isUndefined { return values.count > 1 ? values[1] : .none }
      return dictionary.value(for: try key(values[0])) ?? (values.count > 1 ? values[1] : .none)
    }
    _ = try arguments.bindPositional(0...0, for: name, self)
    switch name {
    case "keys": return .view(dictionary, .keys)
    case "values": return .view(dictionary, .values)
    case "items": return .view(dictionary, .items)
    default: return .dictionary(dictionary)
    }
  }

  private func callSequenceMethod(
    _ name: String, of sequence: Value, _ items: [Value], _ arguments: Arguments
  ) throws(TemplateError) -> Value {
    switch name {
    case "copy":
      _ = try arguments.bindPositional(0...0, for: name, self)
      return sequence
    case "count":
      let wanted = try arguments.bindPositional(1...1, for: name, self)[0]
      var count = 0
      for item in items where try areEqual(item, wanted) { count += 1 }
      return .int(count)
    default:
      let values = try arguments.bindPositional(1...3, for: name, self)
      let bounds = try searchBounds(values.dropFirst(), count: items.count)
      for position in bounds where try areEqual(items[position], values[0]) { return .int(position) }
      throw fail("the value is not in the \(sequence.typeName)")
    }
  }

  /// The range that optional start and end arguments select.
  func searchBounds(_ values: ArraySlice<Value>, count: Int) throws(TemplateError) -> Range<Int> {
    var bounds = [0, count]
    for (slot, value) in values.enumerated() {
      if case .none = value { continue }
      guard let bound = value.index else { throw fail("a position of type \(value.typeName)") }
      bounds[slot] = min(max(bound < 0 ? bound + count : bound, 0), count)
    }
    return bounds[0]..<max(bounds[0], bounds[1])
  }
}
