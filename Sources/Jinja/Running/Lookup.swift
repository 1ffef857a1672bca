extension Interpreter {
  /// `value.name`: an attribute, or else a dictionary's member.
  func attribute(_ name: String, of value: Value) throws(TemplateError) -> Value {
    if case .undefined(let undefined) = value { throw fail(undefined.message) }
    if let attribute = try pythonAttribute(name, of: value) { return attribute }
    if case .dictionary(let dictionary) = value, let member = dictionary.value(named: name) { return member }
    return missing(name, of: value)
  }

  /// `value[key]`: an element, or else an attribute of that name.
  func element(_ key: Value, of value: Value) throws(TemplateError) -> Value {
    switch value {
    case .undefined(let undefined): throw fail(undefined.message)
    case .dictionary(let dictionary):
      if let key = try hashed(key), let member = dictionary.value(for: key) { return member }
    case .list(let list), .tuple(let list):
      if let index = key.index, let position = position(index, in: list.items.count) { return list.items[position] }
    case .range(let range):
      if let index = key.index, let position = position(index, in: range.count) { return .int(range[position]) }
    case .string(let text):
      if let index = key.index {
        try charge(text.utf8.count / 32)
        if let scalar = text.scalar(at: index) { return .string(scalar) }
      }
    case .markup: throw unsupported("a part of text marked safe")
    default: break
    }
    if let name = key.text {
      try charge(name.utf8.count / 32)
      return try pythonAttribute(name, of: value) ?? missing(name, of: value)
    }
    return .undefined("a value of type \(value.typeName) has no such element")
  }

  private func missing(_ name: String, of value: Value) -> Value {
    .undefined("a value of type \(value.typeName) has no attribute '\(name)'")
  }

  /// A Python index, negative from the end, as a position; nil outside of the sequence.
  func position(_ index: Int, in count: Int) -> Int? {
    let position = index < 0 ? index + count : index
    return (0..<count).contains(position) ? position : nil
  }

  // MARK: Attributes

  /// An attribute of the Python object; nil when it has none of that name.
  private func pythonAttribute(_ name: String, of value: Value) throws(TemplateError) -> Value? {
    if name.hasPrefix("__"), name.hasSuffix("__") { throw unsupported("the attribute '\(name)'") }
    let methods: Methods
    switch value {
    case .namespace(let namespace): return namespace.attributes.value(named: name)
    case .loop(let loop): return try loop.attribute(name, self)
    case .cycler(let cycler):
      if name == "current" { return cycler.items.items[cycler.position] }
      methods = Methods(known: ["next", "reset"], refused: ["items", "pos"])
    case .joiner: methods = Methods(known: [], refused: ["sep", "used"])
    case .macro(let macro):
      if name == "name" { return .string(macro.name) }
      methods = Methods(
        known: [], refused: ["arguments", "caller", "catch_kwargs", "catch_varargs", "explicit_caller"])
    case .string: methods = .string
    case .markup: methods = Methods(known: [], refused: Methods.string.known.union(Methods.string.refused))
    case .dictionary: methods = .dictionary
    case .list: methods = .list
    case .tuple: methods = .tuple
    case .view: methods = Methods(known: [], refused: ["isdisjoint", "mapping"])
    case .range: methods = Methods(known: [], refused: ["start", "stop", "step", "count", "index"])
    case .bool, .int, .float: methods = .number
    case .function(.dict): methods = Methods(known: [], refused: ["fromkeys"])
    case .method, .function, .iterator, .undefined, .none: methods = Methods(known: [], refused: [])
    }
    if methods.known.contains(name) { return .method(BoundMethod(value, name)) }
    if methods.refused.contains(name) { throw unsupported("'\(name)' of a value of type \(value.typeName)") }
    if methods.mutating.contains(name) {
      return .undefined("'\(name)' would change a \(value.typeName), which a template must not")
    }
    return nil
  }

  // MARK: Slices

  /// Python's `value[start:stop:step]`.
  func slice(_ value: Value, start: Int?, stop: Int?, step: Int?) throws(TemplateError) -> Value {
    switch value {
    case .list(let sequence): return try list(try pick(sequence.items, start, stop, step))
    case .tuple(let sequence): return try tuple(try pick(sequence.items, start, stop, step))
    case .string(let text):
      try charge(text.utf8.count / 8)
      var result = String.UnicodeScalarView()
      result.append(contentsOf: try pick(Array(text.unicodeScalars), start, stop, step))
      return .string(String(result))
    case .range: throw unsupported("a slice of a range")
    case .markup: throw unsupported("a slice of text marked safe")
    case .undefined(let undefined): throw fail(undefined.message)
    default: throw fail("a value of type \(value.typeName) cannot be sliced")
    }
  }

  private func pick<T>(_ items: [T], _ start: Int?, _ stop: Int?, _ step: Int?) throws(TemplateError) -> [T] {
    let step = step ?? 1
    let count = items.count
    guard step != 0 else { throw fail("a slice with a step of 0") }
    func bound(_ value: Int?, _ absent: Int, low: Int, high: Int) -> Int {
      guard let value else { return absent }
      return min(max(value < 0 ? value + count : value, low), high)
    }
    if step > 0 {
      let first = bound(start, 0, low: 0, high: count)
      let last = bound(stop, count, low: 0, high: count)
      guard first < last else { return [] }
      return step == 1 ? Array(items[first..<last]) : stride(from: first, to: last, by: step).map { items[$0] }
    }
    let first = bound(start, count - 1, low: -1, high: count - 1)
    let last = bound(stop, -1, low: -1, high: count - 1)
    guard first > last else { return [] }
    return stride(from: first, to: last, by: max(step, -count - 1)).map { items[$0] }
  }
}
