import TesseraJSON

/// A value as schemas compare it: 1 and 1.0 are one.
struct SchemaValue: Hashable {
  let value: JSONValue

  init(_ value: JSONValue) { self.value = value }

  static func == (left: SchemaValue, right: SchemaValue) -> Bool {
    switch (left.value, right.value) {
    case (.int, .double), (.double, .int):
      left.value.intValue != nil && left.value.intValue == right.value.intValue
    case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { Self($0) == Self($1) }
    case (.object(let a), .object(let b)):
      a.count == b.count && a.members.allSatisfy { key, value in b[key].map { Self($0) == Self(value) } ?? false }
    default: left.value == right.value
    }
  }

  func hash(into hasher: inout Hasher) {
    switch value {
    case .null: hasher.combine(0)
    case .bool(let value): hasher.combine(value)
    case .int, .double:
      if let whole = value.intValue { hasher.combine(whole) } else { hasher.combine(value.doubleValue) }
    case .string(let text): hasher.combine(ScalarString(text))
    case .array(let values): hasher.combine(values.map(SchemaValue.init))
    case .object(let object):
      // The same in whatever order.
      var sum = 0
      for (key, value) in object.members {
        var member = Hasher()
        member.combine(ScalarString(key))
        member.combine(SchemaValue(value))
        sum ^= member.finalize()
      }
      hasher.combine(sum)
    }
  }

  /// The steps that a look at all of it takes: equal values have the same.
  var weight: Int {
    switch value {
    case .null, .bool, .int, .double: 1
    case .string(let text): Self.weight(of: text)
    case .array(let values): values.reduce(1) { $0 + Self($1).weight }
    case .object(let object): object.members.reduce(1) { $0 + Self.weight(of: $1.key) + Self($1.value).weight }
    }
  }

  static func weight(of text: String) -> Int { 1 + text.utf8.count / 16 }
}
