import TesseraJSON

/// A value while a template runs: the Python objects that Jinja templates can meet.
enum Value {
  case undefined(Undefined)
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(String)
  /// Text marked by `safe` or `escape`. It prints and compares as a string; other uses are refused.
  case markup(String)
  case list(ValueList)
  case tuple(ValueList)
  case dictionary(Dictionary)
  case view(Dictionary, DictionaryView)
  case range(RangeValue)
  case iterator(LazyIterator)
  case namespace(Namespace)
  case loop(LoopState)
  case macro(Macro)
  case function(GlobalFunction)
  case method(BoundMethod)
  case cycler(Cycler)
  case joiner(Joiner)

  static func undefined(_ message: String) -> Value { .undefined(Undefined(message: message)) }

  /// Levels of values inside this one. Bounded, as releasing nested values recurses.
  var depth: Int {
    switch self {
    case .undefined, .none, .bool, .int, .float, .string, .markup, .range, .function, .joiner: 0
    // Emptied by the interpreter when rendering or the loop ends, so they never hold a chain.
    case .namespace, .macro, .loop: 0
    case .list(let list), .tuple(let list): list.depth
    case .dictionary(let dictionary), .view(let dictionary, _): dictionary.depth
    case .iterator(let iterator): iterator.depth
    case .method(let method): method.receiver.depth + 1
    case .cycler(let cycler): cycler.items.depth
    }
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  /// The text of a string or marked string.
  var text: String? {
    switch self {
    case .string(let text), .markup(let text): text
    default: nil
    }
  }

  /// The integer, where Python takes a value as an index: booleans count as 0 and 1.
  var index: Int? {
    switch self {
    case .int(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  /// The type's name in Python, for messages.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "None"
    case .bool: "bool"
    case .int: "int"
    case .float: "float"
    case .string: "str"
    case .markup: "Markup"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .view(_, let view): view.rawValue
    case .range: "range"
    case .iterator: "iterator"
    case .namespace: "Namespace"
    case .loop: "LoopContext"
    case .macro: "Macro"
    case .function(let function): function.rawValue
    case .method: "method"
    case .cycler: "Cycler"
    case .joiner: "Joiner"
    }
  }

  /// Python's truth of a value.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .int(let value): value != 0
    case .float(let value): value != 0
    case .string(let text), .markup(let text): !text.isEmpty
    case .list(let list), .tuple(let list): !list.items.isEmpty
    case .dictionary(let dictionary), .view(let dictionary, _): dictionary.count > 0
    case .range(let range): range.count > 0
    case .loop(let loop): loop.knownLength.map { $0 > 0 } ?? true
    case .iterator, .namespace, .macro, .function, .method, .cycler, .joiner: true
    }
  }
}

/// Jinja's default undefined value: empty where printed or iterated, an error in any other operation.
struct Undefined {
  /// What an operation on it reports.
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

enum DictionaryView: String {
  case keys = "dict_keys"
  case values = "dict_values"
  case items = "dict_items"
}

/// A Python dictionary: keys in the order of insertion.
final class Dictionary {
  private(set) var keys: [Value] = []
  private(set) var values: [Value] = []
  private var positions: [DictionaryKey: Int] = [:]
  private(set) var depth = 1

  var count: Int { keys.count }

  func value(for key: DictionaryKey) -> Value? { positions[key].map { values[$0] } }

  func value(named name: String) -> Value? { value(for: .string(ScalarString(name))) }

  /// Sets a member, only while the dictionary is being made.
  func set(_ key: DictionaryKey, named original: Value, to value: Value) {
    depth = max(depth, 1 + max(value.depth, original.depth))
    if let position = positions[key] {
      values[position] = value
    } else {
      positions[key] = keys.count
      keys.append(original)
      values.append(value)
    }
  }

  func set(_ name: String, to value: Value) { set(.string(ScalarString(name)), named: .string(name), to: value) }

  func copy() -> Dictionary {
    let result = Dictionary()
    (result.keys, result.values, result.positions, result.depth) = (keys, values, positions, depth)
    return result
  }

  /// What iterating a view of this gives.
  func items(of view: DictionaryView) -> [Value] {
    switch view {
    case .keys: keys
    case .values: values
    case .items: zip(keys, values).map { .tuple(ValueList([$0, $1])) }
    }
  }
}

/// A hashable form of a value, equal where Python's `==` is: 1, 1.0 and True are one key.
enum DictionaryKey: Hashable {
  case none
  case int(Int)
  case float(Double)
  case string(ScalarString)
  case tuple([DictionaryKey])

  /// Nil for what Python cannot hash, or what has an identity only.
  init?(_ value: Value) {
    switch value {
    case .none: self = .none
    case .bool(let value): self = .int(value ? 1 : 0)
    case .int(let value): self = .int(value)
    case .float(let value):
      if let whole = Int(exactly: value) { self = .int(whole) } else { self = .float(value) }
    case .string(let text), .markup(let text): self = .string(ScalarString(text))
    case .tuple(let list):
      var parts: [DictionaryKey] = []
      for item in list.items {
        guard let part = DictionaryKey(item) else { return nil }
        parts.append(part)
      }
      self = .tuple(parts)
    default: return nil
    }
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
  var attributes = Dictionary()
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

/// The variables of a frame.
final class Scope {
  var variables: [String: Value]
  let parent: Scope?

  init(parent: Scope?, variables: [String: Value] = [:]) {
    self.parent = parent
    self.variables = variables
  }

  func lookUp(_ name: String) -> Value? {
    var scope: Scope? = self
    while let current = scope {
      if let value = current.variables[name] { return value }
      scope = current.parent
    }
    return nil
  }
}
