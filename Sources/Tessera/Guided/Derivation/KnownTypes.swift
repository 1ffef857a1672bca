import Foundation
import TesseraJSON

/// Types whose documents are known.
enum KnownTypes {
  /// Of a type that is no more than one value the schema, and a value that stands for all.
  static func scalar(_ type: any Decodable.Type) -> (schema: JSONValue, value: any Sendable)? {
    scalars[ObjectIdentifier(type)]
  }

  private static let scalars: [ObjectIdentifier: (schema: JSONValue, value: any Sendable)] = {
    var known: [ObjectIdentifier: (schema: JSONValue, value: any Sendable)] = [:]
    func add<T: Decodable & Sendable>(_ value: T, _ schema: JSONValue) {
      known[ObjectIdentifier(T.self)] = (schema, value)
    }
    func addInteger<T: FixedWidthInteger & Decodable & Sendable>(_ type: T.Type) {
      // Of 64 bits and more the grammar's digits are fewer.
      var schema: JSONObject = ["type": "integer"]
      if T.bitWidth < 64 || !T.isSigned { schema["minimum"] = Int(exactly: T.min).map { .int($0) } }
      if T.bitWidth < 64 { schema["maximum"] = Int(exactly: T.max).map { .int($0) } }
      add(T.zero, .object(schema))
    }
    add(false, ["type": "boolean"])
    add("", ["type": "string"])
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
    add(0.0, ["type": "number", "format": "double"])
    add(Float(0), ["type": "number", "format": "float"])
    add(Float16(0), ["type": "number", "minimum": -65_504, "maximum": 65_504])
    add(Decimal(0), ["type": "number", "format": "double"])
    add(Date(timeIntervalSince1970: 0), ["type": "string", "format": "date-time"])
    add(UUID(), ["type": "string", "format": "uuid"])
    add(URL(fileURLWithPath: "/"), ["type": "string", "format": "uri"])
    add(
      Data(),
      [
        "type": "string",
        "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
      ])
    return known
  }()

  /// The raw values of an enumeration as JSON, and its first case; nil for other types, and for those that are decoded otherwise.
  static func cases<T: Decodable>(of type: T.Type) -> (values: [JSONValue], first: T)? {
    guard let values = (type as? any CaseIterable.Type)?.rawJSON, !values.isEmpty else { return nil }
    let cases = values.map { try? JSONDecoder.guided.decode(type, from: Data($0.text().utf8)) }
    guard cases.allSatisfy({ $0 != nil }), let first = cases.first ?? nil else { return nil }
    return (values, first)
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

/// A type that may be nothing.
protocol OptionalType {
  static var codedWrapped: any Decodable.Type { get }
  static var none: Self { get }
}

extension Optional: OptionalType where Wrapped: Decodable {
  static var codedWrapped: any Decodable.Type { Wrapped.self }
}

/// A type that is decoded from an array.
protocol ListType {
  static var codedElement: any Decodable.Type { get }
  init()
}

extension Array: ListType where Element: Decodable { static var codedElement: any Decodable.Type { Element.self } }
extension ContiguousArray: ListType where Element: Decodable {
  static var codedElement: any Decodable.Type { Element.self }
}
extension ArraySlice: ListType where Element: Decodable { static var codedElement: any Decodable.Type { Element.self } }
extension Set: ListType where Element: Decodable { static var codedElement: any Decodable.Type { Element.self } }

protocol MapType {
  static var codedKey: any Decodable.Type { get }
  static var codedValue: any Decodable.Type { get }
  init()
}

extension Dictionary: MapType where Key: Decodable, Value: Decodable {
  static var codedKey: any Decodable.Type { Key.self }
  static var codedValue: any Decodable.Type { Value.self }
}
