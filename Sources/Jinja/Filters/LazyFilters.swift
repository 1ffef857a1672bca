extension Interpreter {
  /// The filters that give their items one by one.
  func lazyFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
    let depth = value.depth + 1
    try checkDepth(depth)
    let make: () throws(TemplateError) -> LazyIterator
    switch name {
    case "map": make = { [self] () throws(TemplateError) in try map(value, arguments) }
    case "select", "reject", "selectattr", "rejectattr":
      make = { [self] () throws(TemplateError) in try select(name, value, arguments) }
    case "unique":
      let options = try arguments.bind(["case_sensitive", "attribute"], for: name, self)
      make = { [self] () throws(TemplateError) in try unique(value, options) }
    case "batch":
      let options = try arguments.bind(["linecount", "fill_with"], required: 1, for: name, self)
      make = { [self] () throws(TemplateError) in try batch(value, options) }
    default:
      let options = try arguments.bind(["slices", "fill_with"], required: 1, for: name, self)
      make = { [self] () throws(TemplateError) in try columns(value, options) }
    }
    // Like a Python generator, nothing happens before the first item is asked for.
    var iterator: LazyIterator?
    return .iterator(
      LazyIterator(depth: depth) { () throws(TemplateError) in
        if iterator == nil { iterator = try make() }
        return try iterator?.next()
      })
  }

  private var emptyIterator: LazyIterator { LazyIterator(depth: 0) { () throws(TemplateError) in nil } }

  private func map(_ value: Value, _ arguments: Arguments) throws(TemplateError) -> LazyIterator {
    guard value.isTrue else { return emptyIterator }
    let source = try iterate(value)
    if arguments.positional.isEmpty, let attribute = arguments.keyword.value(named: "attribute") {
      let options = try arguments.bind(["attribute", "default"], for: "map", self)
      let path = try attributePath(attribute)
      let fallback = options[1].flatMap { $0.isNone ? nil : $0 }
      return LazyIterator(depth: 0) { [self] () throws(TemplateError) in
        guard let item = try source.next() else { return nil }
        return try follow(path, from: item, default: fallback)
      }
    }
    guard let first = arguments.positional.first else { throw fail("'map' needs a filter's name or an attribute") }
    let name = try text(first, for: "map")
    let rest = Arguments(positional: Array(arguments.positional.dropFirst()))
    rest.keyword = arguments.keyword
    return LazyIterator(depth: 0) { [self] () throws(TemplateError) in
      guard let item = try source.next() else { return nil }
      try enter()
      defer { leave() }
      return try Filters.apply(name, to: item, rest, self)
    }
  }

  private func select(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateError) -> LazyIterator {
    guard value.isTrue else { return emptyIterator }
    let source = try iterate(value)
    let keeps = name.hasPrefix("select")
    var rest = arguments.positional[...]
    var path: [Value] = []
    if name.hasSuffix("attr") {
      guard let attribute = rest.popFirst() else { throw fail("'\(name)' needs an attribute") }
      path = try attributePath(attribute)
    }
    let test = try rest.popFirst().map { value throws(TemplateError) in try text(value, for: name) }
    let values = Arguments(positional: Array(rest))
    values.keyword = arguments.keyword
    return LazyIterator(depth: 0) { [self] () throws(TemplateError) in
      while let item = try source.next() {
        try enter()
        defer { leave() }
        let subject = try follow(path, from: item)
        let holds = try test.map { test throws(TemplateError) in try ValueTests.apply(test, to: subject, values, self) }
        if (holds ?? subject.isTrue) == keeps { return item }
      }
      return nil
    }
  }

  private func unique(_ value: Value, _ options: [Value?]) throws(TemplateError) -> LazyIterator {
    let source = try iterate(value)
    let isSensitive = options[0]?.isTrue ?? false
    let path = try attributePath(options[1] ?? .none)
    var seen: Set<DictionaryKey> = []
    return LazyIterator(depth: 0) { [self] () throws(TemplateError) in
      while let item = try source.next() {
        let part = try follow(path, from: item)
        if seen.insert(try key(isSensitive ? part : try ignoringCase(part))).inserted { return item }
      }
      return nil
    }
  }

  private func batch(_ value: Value, _ options: [Value?]) throws(TemplateError) -> LazyIterator {
    let source = try iterate(value)
    let count = try integer(options[0] ?? .none, for: "batch")
    let fill = options[1].flatMap { $0.isNone ? nil : $0 }
    guard count > 0 else { throw fail("'batch' of \(count) items") }
    try checkCount(count)
    return LazyIterator(depth: 0) { [self] () throws(TemplateError) in
      var row: [Value] = []
      while row.count < count, let item = try source.next() { row.append(item) }
      if row.isEmpty { return nil }
      if let fill, row.count < count { row += Array(repeating: fill, count: count - row.count) }
      return try list(row)
    }
  }

  private func columns(_ value: Value, _ options: [Value?]) throws(TemplateError) -> LazyIterator {
    let items = try allItems(of: value)
    let count = try integer(options[0] ?? .none, for: "slice")
    guard count > 0 else { throw fail("'slice' into \(count) parts") }
    let fill = options[1].flatMap { $0.isNone ? nil : $0 }
    let (size, extra) = items.count.quotientAndRemainder(dividingBy: count)
    var column = 0
    var start = 0
    return LazyIterator(depth: 0) { [self] () throws(TemplateError) in
      guard column < count else { return nil }
      let end = start + size + (column < extra ? 1 : 0)
      var part = Array(items[start..<end])
      if let fill, column >= extra { part.append(fill) }
      column += 1
      start = end
      try charge(1)
      return try list(part)
    }
  }
}
