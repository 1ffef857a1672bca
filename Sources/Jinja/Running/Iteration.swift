extension Interpreter {
  /// Python's `iter` of a value.
  func iterate(_ value: Value) throws(TemplateError) -> LazyIterator {
    if case .iterator(let iterator) = value { return iterator }
    if case .loop(let state) = value {
      return LazyIterator(depth: 1) { [self] () throws(TemplateError) in
        guard let item = try state.advance() else { return nil }
        return try tuple([item, value])
      }
    }
    if case .string(let text) = value {
      var rest = text.unicodeScalars.makeIterator()
      return LazyIterator(depth: 1) { [self] () throws(TemplateError) in
        try charge(1)
        return rest.next().map { .string(String(Character($0))) }
      }
    }
    let items: [Value]
    switch value {
    // Each is counted when it is asked for.
    case .list(let list), .tuple(let list): items = list.items
    default: items = try allItems(of: value)
    }
    var position = 0
    return LazyIterator(depth: value.depth) { [self] () throws(TemplateError) in
      guard position < items.count else { return nil }
      try charge(1)
      position += 1
      return items[position - 1]
    }
  }

  /// All that iterating a value gives. Counts the work of going through it.
  func allItems(of value: Value) throws(TemplateError) -> [Value] {
    switch value {
    case .undefined: return []
    case .list(let list), .tuple(let list):
      try charge(list.items.count)
      return list.items
    case .dictionary(let dictionary):
      try charge(dictionary.count)
      return dictionary.keys
    case .view(let dictionary, let view):
      try charge(dictionary.count)
      return dictionary.items(of: view)
    case .range(let range):
      try charge(range.count)
      return (0..<range.count).map { .int(range[$0]) }
    case .string(let text):
      try checkCount(text.utf8.count)
      try charge(text.utf8.count)
      return text.unicodeScalars.map { .string(String(Character($0))) }
    case .markup: throw unsupported("iterating text marked safe")
    case .iterator, .loop:
      let iterator = try iterate(value)
      var items: [Value] = []
      while let item = try iterator.next() {
        try charge(1)
        items.append(item)
        try checkCount(items.count)
      }
      return items
    case .none, .bool, .int, .float, .namespace, .macro, .function, .method, .cycler, .joiner:
      throw fail("a value of type \(value.typeName) cannot be iterated")
    }
  }

  /// Python's `len`; nil for what has none.
  func knownLength(of value: Value) throws(TemplateError) -> Int? {
    switch value {
    case .undefined: return 0
    case .string(let text), .markup(let text):
      try charge(text.utf8.count / 32)
      return text.unicodeScalars.count
    case .list(let list), .tuple(let list): return list.items.count
    case .dictionary(let dictionary), .view(let dictionary, _): return dictionary.count
    case .range(let range): return range.count
    default: return nil
    }
  }

  func isIterable(_ value: Value) -> Bool {
    switch value {
    case .undefined, .string, .markup, .list, .tuple, .dictionary, .view, .range, .iterator, .loop: true
    default: false
    }
  }
}
