import Foundation
import TesseraJSON

/// Types whose documents are known.
enum KnownTypes {
  /// A type that is no more than one value.
  struct Scalar: Sendable {
    let schema: JSONValue
    /// A value that stands for all.
    let value: any Sendable
    /// Those with which it is tried whether the first does.
    let others: [any Sendable]
  }

  static func scalar(_ type: any Decodable.Type) -> Scalar? { scalars[ObjectIdentifier(type)] }

  private static let scalars: [ObjectIdentifier: Scalar] = {
    var known: [ObjectIdentifier: Scalar] = [:]
    func add<T: Decodable & Sendable>(_ value: T, _ others: [T], _ schema: JSONValue) {
      known[ObjectIdentifier(T.self)] = Scalar(schema: schema, value: value, others: others)
    }
    func addInteger<T: FixedWidthInteger & Decodable & Sendable>(_ type: T.Type) {
      // Of 64 bits and more the grammar's digits are fewer.
      var schema: JSONObject = ["type": "integer"]
      if T.bitWidth < 64 || !T.isSigned { schema["minimum"] = Int(exactly: T.min).map { .int($0) } }
      if T.bitWidth < 64 { schema["maximum"] = Int(exactly: T.max).map { .int($0) } }
      // All types have these; few programs mean something of their own by the last.
      add(T.zero, T.isSigned ? [1, 113, T.zero - 1] : [1, 113], .object(schema))
    }
    add(false, [true], ["type": "boolean"])
    add("", ["a"], ["type": "string"])
    addInteger(Int.self)
    addInteger(Int8.self)
    addInteger(Int16.self)
    addInteger(Int32.self)
    addInteger(Int64.self)
    addInteger(Int128.self)
    addInteger(UInt.self)
    addInteger(UInt8.self)
    addInteger(UInt16.self)
    addInteger(UInt32.self)
    addInteger(UInt64.self)
    addInteger(UInt128.self)
    add(0.0, [1, 113.5, -1], ["type": "number", "format": "double"])
    add(Float(0), [1, 113.5, -1], ["type": "number", "format": "float"])
    add(Float16(0), [1, 113.5, -1], ["type": "number", "minimum": -65_504, "maximum": 65_504])
    add(Decimal(0), [1, 113, -1], ["type": "number", "format": "double"])
    add(
      Date(timeIntervalSince1970: 0), [Date(timeIntervalSince1970: 4e9)], ["type": "string", "format": "date-time"])
    add(UUID(), [UUID()], ["type": "string", "format": "uuid"])
    add(URL(fileURLWithPath: "/"), [URL(fileURLWithPath: "/a")], ["type": "string", "format": "uri"])
    add(
      Data(), [Data([1])],
      [
        "type": "string",
        "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
      ])
    return known
  }()

  /// The raw values of an enumeration as JSON, and its cases; nil for other types, and for those that are decoded otherwise.
  static func cases<T: Decodable>(of type: T.Type) -> (values: [JSONValue], cases: [T])? {
    guard let values = (type as? any CaseIterable.Type)?.rawJSON, !values.isEmpty else { return nil }
    let cases = values.compactMap { try? JSONDecoder.guided.decode(type, from: Data($0.text().utf8)) }
    return cases.count == values.count ? (values, cases) : nil
  }
}

extension CaseIterable {
  /// The raw values; nil where there are none.
  fileprivate static var rawJSON: [JSONValue]? {
    var values: [JSONValue] = []
    for one in allCases {
      switch (one as? any RawRepresentable)?.rawValue {
      case let text as String: values.append(.string(text))
      case let number as any BinaryInteger:
        guard let number = Int(exactly: number) else { return nil }
        values.append(.int(number))
      default: return nil
      }
    }
    return values
  }

  /// All cases, where they are coding keys.
  static var codingKeys: [any CodingKey]? {
    let keys = allCases.compactMap { $0 as? any CodingKey }
    return keys.count == allCases.count ? keys : nil
  }
}

// MARK: Types made of others

/// A type that has one or more values of another, or none.
protocol HoldingType {
  static var codedHeld: any Decodable.Type { get }
  /// One with a value; nil where that is of another type.
  static func holding(_ value: Any) -> Self?
}

/// A type that may be nothing.
protocol OptionalType: HoldingType {
  static var codedWrapped: any Decodable.Type { get }
  static var none: Self { get }
}

extension OptionalType { static var codedHeld: any Decodable.Type { codedWrapped } }

extension Optional: HoldingType, OptionalType where Wrapped: Decodable {
  static var codedWrapped: any Decodable.Type { Wrapped.self }
  static func holding(_ value: Any) -> Wrapped?? { (value as? Wrapped).map { .some($0) } }
}

/// A type that is decoded from an array.
protocol ListType: HoldingType {
  static var codedElement: any Decodable.Type { get }
  init()
}

extension ListType { static var codedHeld: any Decodable.Type { codedElement } }

extension ListType where Self: ExpressibleByArrayLiteral {
  static func holding(_ value: Any) -> Self? { (value as? ArrayLiteralElement).map { [$0] } }
}

extension Array: HoldingType, ListType where Element: Decodable {
  static var codedElement: any Decodable.Type { Element.self }
}
extension ContiguousArray: HoldingType, ListType where Element: Decodable {
  static var codedElement: any Decodable.Type { Element.self }
}
extension ArraySlice: HoldingType, ListType where Element: Decodable {
  static var codedElement: any Decodable.Type { Element.self }
}
extension Set: HoldingType, ListType where Element: Decodable {
  static var codedElement: any Decodable.Type { Element.self }
}

protocol MapType: HoldingType {
  static var codedKey: any Decodable.Type { get }
  static var codedValue: any Decodable.Type { get }
  init()
}

extension MapType { static var codedHeld: any Decodable.Type { codedValue } }

extension Dictionary: HoldingType, MapType where Key: Decodable, Value: Decodable {
  static var codedKey: any Decodable.Type { Key.self }
  static var codedValue: any Decodable.Type { Value.self }
  static func holding(_ value: Any) -> [Key: Value]? {
    guard let key = "a" as? Key, let value = value as? Value else { return nil }
    return [key: value]
  }
}
