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
  case dictionary(DictionaryValue)
  case view(DictionaryValue, DictionaryView)
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
