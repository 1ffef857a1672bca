import TesseraJSON

extension Interpreter {
  func compare(_ operation: CompareOperator, _ left: Value, _ right: Value) throws(TemplateError) -> Bool {
    switch operation {
    case .equal: return try areEqual(left, right)
    case .notEqual: return !(try areEqual(left, right))
    case .contained: return try contains(right, left)
    case .notContained: return !(try contains(right, left))
    case .less: return try order(left, right, "<") { $0 < $1 }
    case .lessOrEqual: return try order(left, right, "<=") { $0 <= $1 }
    case .greater: return try order(left, right, ">") { $0 > $1 }
    case .greaterOrEqual: return try order(left, right, ">=") { $0 >= $1 }
    }
  }

  // MARK: Equality

  func areEqual(_ left: Value, _ right: Value) throws(TemplateError) -> Bool {
    try charge(1)
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let a), .string(let b)), (.string(let a), .markup(let b)), (.markup(let a), .string(let b)),
      (.markup(let a), .markup(let b)):
      try charge(min(a.utf8.count, b.utf8.count) / 32)
      return a.hasSameScalars(as: b)
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): return try areEqual(a.items, b.items)
    case (.dictionary(let a), .dictionary(let b)): return try areEqual(a, b)
    case (.range(let a), .range(let b)):
      return a.count == b.count && (a.count == 0 || a.start == b.start && (a.count == 1 || a.step == b.step))
    case (.namespace(let a), .namespace(let b)): return a === b
    case (.loop(let a), .loop(let b)): return a === b
    case (.iterator(let a), .iterator(let b)): return a === b
    case (.view, .view), (.macro, .macro), (.function, .function), (.method, .method), (.cycler, .cycler),
      (.joiner, .joiner):
      throw unsupported("comparing two values of type \(left.typeName)")
    default:
      guard let comparison = numericOrder(left, right) else { return false }
      return comparison == .equal
    }
  }

  func areEqual(_ left: [Value], _ right: [Value]) throws(TemplateError) -> Bool {
    guard left.count == right.count else { return false }
    for (a, b) in zip(left, right) where !(try areEqual(a, b)) { return false }
    return true
  }

  private func areEqual(_ left: DictionaryValue, _ right: DictionaryValue) throws(TemplateError) -> Bool {
    guard left.count == right.count else { return false }
    for (key, value) in zip(left.keys, left.values) {
      guard let key = try hashed(key), let other = right.value(for: key), try areEqual(value, other) else {
        return false
      }
    }
    return true
  }

  // MARK: Order

  private enum Order { case less, equal, greater, unordered }

  /// How two numbers compare, exactly also between integers and floats; nil unless both are numbers.
  private func numericOrder(_ left: Value, _ right: Value) -> Order? {
    func order<T: Comparable>(_ a: T, _ b: T) -> Order {
      a < b ? .less : a == b ? .equal : a > b ? .greater : .unordered
    }
    switch (left, right) {
    case (.float(let a), .float(let b)): return order(a, b)
    case (.float(let a), _):
      guard let b = right.index else { return nil }
      return compare(a, with: b)
    case (_, .float(let b)):
      guard let a = left.index else { return nil }
      switch compare(b, with: a) {
      case .less: return .greater
      case .greater: return .less
      case let same: return same
      }
    default:
      guard let a = left.index, let b = right.index else { return nil }
      return order(a, b)
    }
  }

  private func compare(_ float: Double, with integer: Int) -> Order {
    if float.isNaN { return .unordered }
    let floor = float.rounded(.down)
    if floor >= 0x1p63 { return .greater }
    guard let whole = Int(exactly: floor) else { return .less }
    if whole != integer { return whole < integer ? .less : .greater }
    return floor == float ? .equal : .greater
  }

  private func order(
    _ left: Value, _ right: Value, _ symbol: String, _ holds: (Int, Int) -> Bool
  ) throws(TemplateError) -> Bool {
    try charge(1)
    switch (left, right) {
    case (.string(let a), .string(let b)):
      try charge(min(a.utf8.count, b.utf8.count) / 32)
      return holds(a.scalarOrder(b), 0)
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      for (x, y) in zip(a.items, b.items) where !(try areEqual(x, y)) { return try order(x, y, symbol, holds) }
      return holds(a.items.count, b.items.count)
    case (.undefined(let undefined), _), (_, .undefined(let undefined)): throw fail(undefined.message)
    default: break
    }
    switch numericOrder(left, right) {
    case .less?: return holds(0, 1)
    case .equal?: return holds(0, 0)
    case .greater?: return holds(1, 0)
    case .unordered?: return false
    case nil: throw fail("'\(symbol)' cannot compare values of types \(left.typeName) and \(right.typeName)")
    }
  }

  func isLess(_ left: Value, _ right: Value) throws(TemplateError) -> Bool { try compare(.less, left, right) }

  // MARK: Membership

  /// Python's `item in container`.
  func contains(_ container: Value, _ item: Value) throws(TemplateError) -> Bool {
    switch container {
    case .string(let text), .markup(let text):
      if case .undefined(let undefined) = item { throw fail("'in' a string: \(undefined.message)") }
      guard let part = item.text else { throw fail("'in' a string needs a string, not a \(item.typeName)") }
      try charge((text.utf8.count + part.utf8.count) / 8)
      return text.containsScalars(part)
    case .dictionary(let dictionary), .view(let dictionary, .keys):
      if item.isUndefined { return false }
      return dictionary.value(for: try key(item)) != nil
    case .iterator, .loop:
      let iterator = try iterate(container)
      while let candidate = try iterator.next() { if try areEqual(candidate, item) { return true } }
      return false
    default:
      guard isIterable(container) else {
        throw fail("'in' needs a container, not a value of type \(container.typeName)")
      }
      for candidate in try allItems(of: container) where try areEqual(candidate, item) { return true }
      return false
    }
  }
}
