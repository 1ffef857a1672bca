/// Jinja's default undefined value: empty where printed or iterated, an error in any other operation.
struct Undefined {
  /// The message that an operation on it reports.
  let message: String
}

/// The elements of a list or tuple. Templates cannot change one: Jinja's immutable sandbox forbids it.
final class ValueList {
  let items: [Value]
  let depth: Int

  init(_ items: [Value]) {
    self.items = items
    depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
  }
}

/// Python's `range`, at most `TemplateLimits.rangeLength` long.
final class RangeValue {
  let start: Int
  let stop: Int
  let step: Int
  let count: Int

  init(start: Int, stop: Int, step: Int, count: Int) {
    (self.start, self.stop, self.step, self.count) = (start, stop, step, count)
  }

  /// The element at a position in 0 ..< count. Never overflows: it lies between start and stop.
  subscript(position: Int) -> Int { start &+ position &* step }
}

/// A one-way sequence, such as the filters `map` and `select` return; what it gives is made when it is asked for.
final class LazyIterator {
  let depth: Int
  private var produce: (() throws(TemplateError) -> Value?)?

  init(depth: Int, _ produce: @escaping () throws(TemplateError) -> Value?) {
    self.depth = depth
    self.produce = produce
  }

  func next() throws(TemplateError) -> Value? {
    guard let produce else { return nil }
    let value = try produce()
    if value == nil { self.produce = nil }
    return value
  }
}

/// A bag of variables that inner frames can change. The interpreter empties it when rendering ends.
final class Namespace {
  var attributes = DictionaryValue()
}

/// `cycler(...)`: gives its items in turn.
final class Cycler {
  let items: ValueList
  var position = 0

  init(_ items: ValueList) { self.items = items }
}

/// `joiner(separator)`: an empty string at first, then the separator.
final class Joiner {
  let separator: Value
  var isUsed = false

  init(_ separator: Value) { self.separator = separator }
}

/// A macro, or the body of a call block, with the variables around its definition.
final class Macro {
  let name: String
  let definition: MacroDefinition
  let scope: Scope

  init(name: String, definition: MacroDefinition, scope: Scope) {
    (self.name, self.definition, self.scope) = (name, definition, scope)
  }
}

/// A method of a value, not yet called.
final class BoundMethod {
  let receiver: Value
  let name: String

  init(_ receiver: Value, _ name: String) {
    self.receiver = receiver
    self.name = name
  }
}

/// The functions that every template can call.
enum GlobalFunction: String, CaseIterable {
  case range, dict, namespace, cycler, joiner, lipsum
  case raiseException = "raise_exception"
  case strftimeNow = "strftime_now"
}
