import TesseraSystem

/// A JSON object with typed access, such as a model's `config.json`.
///
/// The getters throw `FileError` `.missingKey` where the key is absent or null and `.wrongType` where the value is of
/// another type. The `optional…` variants give nil for an absent or null key and still refuse a wrong type.
public struct JSONObject: Sendable {
  /// The members by key.
  public let members: [String: JSONValue]
  /// The file that errors name.
  public let path: String
  // The keys that led here, such as `text_config.`, for errors.
  private let place: String

  /// Reads a file that holds one object.
  public init(path: String, limits: JSONValue.Limits = JSONValue.Limits()) throws(FileError) {
    let value = try JSONValue(path: path, limits: limits)
    guard let members = value.objectValue else {
      throw FileError(.wrongType, path: path, "the file holds \(value.kind), not a JSON object: name another file")
    }
    self.init(members: members, path: path, place: "")
  }

  private init(members: [String: JSONValue], path: String, place: String) {
    self.members = members
    self.path = path
    self.place = place
  }

  /// The value of a key; nil where it is absent.
  public subscript(key: String) -> JSONValue? { members[key] }

  /// A string.
  public func string(_ key: String) throws(FileError) -> String { try needed(key, optionalString(key)) }
  /// A whole number.
  public func int(_ key: String) throws(FileError) -> Int { try needed(key, optionalInt(key)) }
  /// A number.
  public func double(_ key: String) throws(FileError) -> Double { try needed(key, optionalDouble(key)) }
  /// A number, rounded to float32.
  public func float(_ key: String) throws(FileError) -> Float { Float(try double(key)) }
  /// A bool.
  public func bool(_ key: String) throws(FileError) -> Bool { try needed(key, optionalBool(key)) }
  /// An array.
  public func array(_ key: String) throws(FileError) -> [JSONValue] { try needed(key, optionalArray(key)) }
  /// An array of strings.
  public func strings(_ key: String) throws(FileError) -> [String] { try needed(key, optionalStrings(key)) }
  /// An array of whole numbers.
  public func ints(_ key: String) throws(FileError) -> [Int] { try needed(key, optionalInts(key)) }
  /// An object inside this one.
  public func object(_ key: String) throws(FileError) -> JSONObject { try needed(key, optionalObject(key)) }

  /// A string, or nil where the key is absent or null.
  public func optionalString(_ key: String) throws(FileError) -> String? {
    try converted(key, to: "a string") { $0.stringValue }
  }

  /// A whole number, or nil where the key is absent or null.
  public func optionalInt(_ key: String) throws(FileError) -> Int? {
    try converted(key, to: "a whole number") { $0.intValue }
  }

  /// A number, or nil where the key is absent or null.
  public func optionalDouble(_ key: String) throws(FileError) -> Double? {
    try converted(key, to: "a number") { $0.doubleValue }
  }

  /// A number rounded to float32, or nil where the key is absent or null.
  public func optionalFloat(_ key: String) throws(FileError) -> Float? { try optionalDouble(key).map { Float($0) } }

  /// A bool, or nil where the key is absent or null.
  public func optionalBool(_ key: String) throws(FileError) -> Bool? {
    try converted(key, to: "a bool") { $0.boolValue }
  }

  /// An array, or nil where the key is absent or null.
  public func optionalArray(_ key: String) throws(FileError) -> [JSONValue]? {
    try converted(key, to: "an array") { $0.arrayValue }
  }

  /// An array of strings, or nil where the key is absent or null.
  public func optionalStrings(_ key: String) throws(FileError) -> [String]? {
    try converted(key, to: "an array of strings") { JSONObject.all($0) { $0.stringValue } }
  }

  /// An array of whole numbers, or nil where the key is absent or null.
  public func optionalInts(_ key: String) throws(FileError) -> [Int]? {
    try converted(key, to: "an array of whole numbers") { JSONObject.all($0) { $0.intValue } }
  }

  /// An object inside this one, or nil where the key is absent or null.
  public func optionalObject(_ key: String) throws(FileError) -> JSONObject? {
    try converted(key, to: "an object") { $0.objectValue }
      .map { JSONObject(members: $0, path: path, place: place + key + ".") }
  }

  private static func all<Element>(_ value: JSONValue, _ convert: (JSONValue) -> Element?) -> [Element]? {
    guard let elements = value.arrayValue else { return nil }
    let converted = elements.compactMap(convert)
    return converted.count == elements.count ? converted : nil
  }

  private func needed<Value>(_ key: String, _ value: Value?) throws(FileError) -> Value {
    guard let value else {
      throw FileError(
        .missingKey, path: path,
        "there is no key \(FileError.quoted(place + key)): the file is incomplete or made for another program")
    }
    return value
  }

  private func converted<Value>(
    _ key: String, to wanted: String, _ convert: (JSONValue) -> Value?
  ) throws(FileError) -> Value? {
    guard let value = members[key], value != .null else { return nil }
    guard let result = convert(value) else {
      throw FileError(
        .wrongType, path: path,
        "the key \(FileError.quoted(place + key)) should be \(wanted) but is \(value.kind): check the file")
    }
    return result
  }
}
