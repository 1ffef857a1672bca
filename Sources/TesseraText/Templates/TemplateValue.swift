/// A value that a chat template can be given: JSON, with the order of keys kept because `tojson` shows it.
public enum TemplateValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case array([TemplateValue])
  case object(TemplateObject)

  /// The string, when this is one.
  public var stringValue: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The object, when this is one.
  public var objectValue: TemplateObject? {
    if case .object(let object) = self { object } else { nil }
  }

  /// The elements, when this is an array.
  public var arrayValue: [TemplateValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  public static func == (left: TemplateValue, right: TemplateValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.int(let a), .int(let b)): a == b
    case (.double(let a), .double(let b)): a == b
    case (.string(let a), .string(let b)): a.hasSameScalars(as: b)
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a == b
    default: false
    }
  }
}

extension TemplateValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral, ExpressibleByFloatLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(nilLiteral: ()) { self = .null }
  public init(arrayLiteral elements: TemplateValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, TemplateValue)...) {
    var object = TemplateObject()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }
}

/// A JSON object whose members keep the order in which they were first set.
///
/// Keys are compared by their Unicode scalars, as Python compares them: é and e + ´ are two keys.
public struct TemplateObject: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  /// The members in order.
  public private(set) var members: [(key: String, value: TemplateValue)] = []
  private var positions: [ScalarString: Int] = [:]

  /// Makes an object without members.
  public init() {}

  public init(dictionaryLiteral elements: (String, TemplateValue)...) {
    for (key, value) in elements { self[key] = value }
  }

  /// The value of a key; nil when there is none. Setting nil removes the member.
  public subscript(key: String) -> TemplateValue? {
    get { positions[ScalarString(key)].map { members[$0].value } }
    set {
      let name = ScalarString(key)
      switch (positions[name], newValue) {
      case (let position?, let value?): members[position].value = value
      case (nil, let value?):
        positions[name] = members.count
        members.append((key, value))
      case (let position?, nil):
        members.remove(at: position)
        positions = [:]
        for (index, member) in members.enumerated() { positions[ScalarString(member.key)] = index }
      case (nil, nil): break
      }
    }
  }

  public static func == (left: TemplateObject, right: TemplateObject) -> Bool {
    left.members.count == right.members.count
      && left.members.allSatisfy { member in right[member.key].map { $0 == member.value } ?? false }
  }
}

/// A string compared and hashed by its scalars. `String` itself takes canonically equivalent text for equal.
struct ScalarString: Hashable, Sendable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (left: ScalarString, right: ScalarString) -> Bool { left.text.hasSameScalars(as: right.text) }

  func hash(into hasher: inout Hasher) {
    var copy = text
    copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension String {
  /// Whether both strings are the same sequence of Unicode scalars, as Python's `==` asks.
  func hasSameScalars(as other: String) -> Bool {
    utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }
}
