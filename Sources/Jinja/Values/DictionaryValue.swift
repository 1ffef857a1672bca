import TesseraJSON

/// The views that `keys()`, `values()` and `items()` give, by their names in Python.
enum DictionaryView: String {
  case keys = "dict_keys"
  case values = "dict_values"
  case items = "dict_items"
}

/// A Python dictionary: keys in the order of insertion.
final class DictionaryValue {
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

  func copy() -> DictionaryValue {
    let result = DictionaryValue()
    (result.keys, result.values, result.positions, result.depth) = (keys, values, positions, depth)
    return result
  }

  /// The items that iterating a view of this gives.
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

}

extension Interpreter {
  /// The key under which a dictionary holds a value.
  func key(_ value: Value) throws(TemplateError) -> DictionaryKey {
    guard let key = try hashed(value) else { throw fail("a value of type \(value.typeName) cannot be a key") }
    return key
  }

  /// A value as a key; nil for what Python cannot hash, or what has an identity only. Counts the work of hashing it.
  func hashed(_ value: Value) throws(TemplateError) -> DictionaryKey? {
    switch value {
    case .none: return DictionaryKey.none
    case .bool(let value): return .int(value ? 1 : 0)
    case .int(let value): return .int(value)
    case .float(let value): return Int(exactly: value).map { .int($0) } ?? .float(value)
    case .string(let text), .markup(let text):
      try charge(text.utf8.count / 32)
      return .string(ScalarString(text))
    case .tuple(let list):
      try charge(list.items.count)
      var parts: [DictionaryKey] = []
      for item in list.items {
        guard let part = try hashed(item) else { return nil }
        parts.append(part)
      }
      return .tuple(parts)
    default: return nil
    }
  }
}
