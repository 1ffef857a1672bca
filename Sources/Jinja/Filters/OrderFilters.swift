extension Interpreter {
  func orderFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
    switch name {
    case "sort":
      let options = try arguments.bind(["reverse", "case_sensitive", "attribute"], for: name, self)
      let paths = try attributePaths(options[2] ?? .none)
      let isSensitive = options[1]?.isTrue ?? false
      var keyed: [(key: Value, item: Value)] = []
      for item in try allItems(of: value) {
        var key: [Value] = []
        for path in paths {
          let part = try follow(path, from: item)
          key.append(isSensitive ? part : try ignoringCase(part))
        }
        keyed.append((try list(key), item))
      }
      return try list(try sorted(keyed, reversed: options[0]?.isTrue ?? false))
    case "dictsort":
      let options = try arguments.bind(["case_sensitive", "by", "reverse"], for: name, self)
      guard case .dictionary(let dictionary) = value else {
        throw fail("'dictsort' of a value of type \(value.typeName)")
      }
      let by = try options[1].map { value throws(TemplateError) in try text(value, for: name) } ?? "key"
      guard by == "key" || by == "value" else { throw fail("'dictsort' by 'key' or 'value' only") }
      let isSensitive = options[0]?.isTrue ?? false
      var keyed: [(key: Value, item: Value)] = []
      for (key, member) in zip(dictionary.keys, dictionary.values) {
        let part = by == "key" ? key : member
        keyed.append((isSensitive ? part : try ignoringCase(part), try tuple([key, member])))
      }
      return try list(try sorted(keyed, reversed: options[2]?.isTrue ?? false))
    case "min", "max":
      let options = try arguments.bind(["case_sensitive", "attribute"], for: name, self)
      return try extreme(value, isMaximum: name == "max", options)
    default:
      let options = try arguments.bind(["attribute", "start"], for: name, self)
      var total = options[1] ?? .int(0)
      if total.text != nil { throw fail("'sum' does not add strings") }
      let path = try attributePath(options[0] ?? .none)
      for item in try allItems(of: value) { total = try apply(.add, total, try follow(path, from: item)) }
      return total
    }
  }

  private func extreme(_ value: Value, isMaximum: Bool, _ options: [Value?]) throws(TemplateError) -> Value {
    let isSensitive = options[0]?.isTrue ?? false
    let path = try attributePath(options[1] ?? .none)
    var best: (key: Value, item: Value)?
    for item in try allItems(of: value) {
      let part = try follow(path, from: item)
      let key = isSensitive ? part : try ignoringCase(part)
      if let current = best {
        guard isMaximum ? try compare(.greater, key, current.key) : try isLess(key, current.key) else { continue }
      }
      best = (key, item)
    }
    return best?.item ?? .undefined("there is no item to choose: the sequence is empty")
  }

  func ignoringCase(_ value: Value) throws(TemplateError) -> Value {
    guard let text = value.text else { return value }
    return try string(text.pythonLowercased())
  }

  /// A stable merge sort. Reversed, equal items still keep their order, as in Python.
  private func sorted(_ keyed: [(key: Value, item: Value)], reversed: Bool) throws(TemplateError) -> [Value] {
    var current = reversed ? Array(keyed.reversed()) : keyed
    var width = 1
    while width < current.count {
      var merged: [(key: Value, item: Value)] = []
      merged.reserveCapacity(current.count)
      for start in stride(from: 0, to: current.count, by: 2 * width) {
        let middle = min(start + width, current.count)
        let end = min(start + 2 * width, current.count)
        var (left, right) = (start, middle)
        while left < middle || right < end {
          if right >= end {
            merged.append(current[left])
            left += 1
          } else if left < middle, !(try isLess(current[right].key, current[left].key)) {
            merged.append(current[left])
            left += 1
          } else {
            merged.append(current[right])
            right += 1
          }
        }
      }
      current = merged
      width *= 2
    }
    let items = current.map(\.item)
    return reversed ? items.reversed() : items
  }

  // MARK: Attributes by path

  /// The steps of an attribute such as `function.name` or `0.text`.
  func attributePath(_ attribute: Value) throws(TemplateError) -> [Value] {
    switch attribute {
    case .none: return []
    case .string(let text):
      try charge(text.utf8.count)
      return text.split(at: ".", limit: nil).map { part in
        part.isAll(\.isASCIIDigit) ? Int(part).map { .int($0) } ?? .string(part) : .string(part)
      }
    case .int: return [attribute]
    default: throw unsupported("an attribute of type \(attribute.typeName)")
    }
  }

  private func attributePaths(_ attribute: Value) throws(TemplateError) -> [[Value]] {
    guard case .string(let text) = attribute else { return [try attributePath(attribute)] }
    try charge(text.utf8.count)
    var paths: [[Value]] = []
    for part in text.split(at: ",", limit: nil) { paths.append(try attributePath(.string(part))) }
    return paths
  }

  func follow(_ path: [Value], from item: Value, default fallback: Value? = nil) throws(TemplateError) -> Value {
    var value = item
    for step in path {
      try charge(1)
      value = try element(step, of: value)
      if let fallback, value.isUndefined { value = fallback }
    }
    return value
  }
}
