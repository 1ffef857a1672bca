#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Interpreter {
  func call(_ callee: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
    try enter()
    defer { leave() }
    switch callee {
    case .function(let function): return try call(function, arguments)
    case .macro(let macro): return try call(macro, arguments)
    case .method(let method): return try call(method, arguments)
    case .joiner(let joiner):
      _ = try arguments.bindPositional(0...0, for: "a joiner", self)
      defer { joiner.isUsed = true }
      return joiner.isUsed ? joiner.separator : .string("")
    case .undefined(let undefined): throw fail(undefined.message)
    default: throw fail("a value of type \(callee.typeName) cannot be called")
    }
  }

  // MARK: Macros

  private func call(_ macro: Macro, _ arguments: Arguments) throws(TemplateError) -> Value {
    let definition = macro.definition
    let scope = scope(for: definition.body, parent: macro.scope)
    let names = definition.parameters
    try charge(names.count)
    for (name, value) in zip(names, arguments.positional) { scope.variables[name] = value }
    let rest = DictionaryValue()
    var used: Set<String> = []
    for name in names.dropFirst(arguments.positional.count) {
      if let value = arguments.keyword.value(named: name) {
        scope.variables[name] = value
        used.insert(name)
      }
    }
    for (key, value) in zip(arguments.keyword.keys, arguments.keyword.values) {
      guard let name = key.text, !used.contains(name) else { continue }
      if name == "caller", definition.readsCaller { scope.variables[name] = value } else { rest.set(name, to: value) }
    }
    if definition.readsCaller, scope.variables["caller"] == nil {
      scope.variables["caller"] = .undefined("'\(macro.name)' was called without a call block")
    }
    if definition.readsKwargs {
      scope.variables["kwargs"] = .dictionary(rest)
    } else if let extra = rest.keys.first?.text {
      throw fail("the macro '\(macro.name)' takes no argument '\(extra)'")
    }
    if definition.readsVarargs {
      scope.variables["varargs"] = try tuple(Array(arguments.positional.dropFirst(names.count)))
    } else if arguments.positional.count > names.count {
      throw fail("the macro '\(macro.name)' takes at most \(names.count) arguments")
    }
    for (index, name) in names.enumerated()
    where index >= arguments.positional.count && !used.contains(name) {
      let value = try definition.defaultValue(at: index).map { value throws(TemplateError) in try evaluate(value, scope)
      }
      scope.variables[name] = value ?? .undefined("the argument '\(name)' was not given")
    }
    let (text, _) = try captured { () throws(TemplateError) in try run(definition.body.statements, scope) }
    return .string(text)
  }

  // MARK: Global functions

  private func call(_ function: GlobalFunction, _ arguments: Arguments) throws(TemplateError) -> Value {
    switch function {
    case .range: return try range(arguments)
    case .dict: return .dictionary(try dictionary(arguments, for: "dict"))
    case .namespace:
      let namespace = try makeNamespace()
      let members = try dictionary(arguments, for: "namespace")
      for (key, value) in zip(members.keys, members.values) {
        guard let name = key.text else { throw unsupported("a namespace with keys that are no strings") }
        try set(name, of: namespace, to: value)
      }
      return .namespace(namespace)
    case .cycler:
      guard arguments.keyword.count == 0, !arguments.positional.isEmpty else {
        throw fail("cycler needs at least one item, and no names")
      }
      let items = ValueList(arguments.positional)
      try checkDepth(items.depth)
      return .cycler(Cycler(items))
    case .joiner:
      return .joiner(Joiner(try arguments.bind(["sep"], for: "joiner", self)[0] ?? .string(", ")))
    case .raiseException:
      let message = try arguments.bind(["message"], required: 1, for: "raise_exception", self)[0] ?? .none
      throw TemplateError(.raised, line: line, try printed(message))
    case .strftimeNow:
      let format = try arguments.bind(["format"], required: 1, for: "strftime_now", self)[0] ?? .none
      guard case .string(let text) = format else { throw fail("strftime_now needs a string") }
      return try string(try formattedTime(text))
    case .lipsum: throw unsupported("'lipsum'")
    }
  }

  private func dictionary(_ arguments: Arguments, for function: String) throws(TemplateError) -> DictionaryValue {
    guard arguments.positional.count <= 1 else { throw fail("\(function) takes at most one argument without a name") }
    var result = DictionaryValue()
    if let source = arguments.positional.first {
      if case .dictionary(let other) = source {
        try chargeCopy(of: other)
        result = other.copy()
      } else {
        for pair in try allItems(of: source) {
          let parts = try allItems(of: pair)
          guard parts.count == 2 else { throw fail("\(function) needs pairs of keys and values") }
          result.set(try key(parts[0]), named: parts[0], to: parts[1])
        }
      }
    }
    for (key, value) in zip(arguments.keyword.keys, arguments.keyword.values) {
      result.set(try self.key(key), named: key, to: value)
    }
    try checkDepth(result.depth)
    return result
  }

  /// Counts the work and the memory of another dictionary with the same members.
  func chargeCopy(of dictionary: DictionaryValue) throws(TemplateError) { try charge(4 * dictionary.count) }

  private func range(_ arguments: Arguments) throws(TemplateError) -> Value {
    var bounds: [Int] = []
    for value in try arguments.bindPositional(1...3, for: "range", self) {
      guard let bound = value.index else { throw fail("range needs integers, not a value of type \(value.typeName)") }
      bounds.append(bound)
    }
    let start = bounds.count == 1 ? 0 : bounds[0]
    let stop = bounds.count == 1 ? bounds[0] : bounds[1]
    let step = bounds.count == 3 ? bounds[2] : 1
    guard step != 0 else { throw fail("range with a step of 0") }
    let isEmpty = step > 0 ? start >= stop : start <= stop
    let (distance, overflow) = stop.subtractingReportingOverflow(start)
    let count = isEmpty ? 0 : overflow ? UInt.max : (distance.magnitude - 1) / step.magnitude + 1
    guard count <= TemplateLimits.rangeLength else {
      throw overLimit("range of more than \(TemplateLimits.rangeLength) numbers")
    }
    return .range(RangeValue(start: start, stop: stop, step: step, count: Int(count)))
  }

  // MARK: Time

  /// The local time in C's `strftime` format; conversions that Python treats in its own way are refused.
  private func formattedTime(_ format: String) throws(TemplateError) -> String {
    var isConversion = false
    for scalar in format.unicodeScalars {
      if scalar.value == 0 { throw unsupported("a time format with a zero byte") }
      guard isConversion else {
        isConversion = scalar == "%"
        continue
      }
      if scalar == "-" || scalar == "_" || scalar == "0" || scalar == "^" || scalar == "#" { continue }
      guard "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyY%".unicodeScalars.contains(scalar) else {
        throw unsupported("the time format '%\(scalar)'")
      }
      isConversion = false
    }
    if isConversion { throw unsupported("a time format that ends in '%'") }
    guard !format.isEmpty else { return "" }
    guard format.utf8.count <= 1_024 else { throw overLimit("a time format of more than 1024 bytes") }
    var seconds = now.flatMap { time_t(exactly: $0) } ?? time(nil)
    var parts = tm()
    guard localtime_r(&seconds, &parts) != nil else { throw fail("the time cannot be shown as a date") }
    // The longest conversion, %c, takes under 64 bytes.
    var buffer = [CChar](repeating: 0, count: format.utf8.count * 64 + 1)
    let length = strftime(&buffer, buffer.count, format, &parts)
    return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
