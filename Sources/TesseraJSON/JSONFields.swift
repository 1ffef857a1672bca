/// Typed access to the members of an object, such as a model's `config.json`.
///
/// The getters throw `missingKey` where the key is absent or null and `wrongType` where the value is of another type.
/// The `optional…` variants give nil for an absent or null key and still refuse a wrong type.
package struct JSONFields: Sendable {
  /// The object itself.
  package let object: JSONObject
  /// The file that errors name.
  package let path: String?
  // The keys that led here, such as `text_config.`, for errors.
  private let place: String

  /// Access to an object whose errors name `path`.
  package init(_ object: JSONObject, path: String? = nil) {
    self.init(object, path: path, place: "")
  }

  /// Access to a value that should be an object. Throws `wrongType` for any other.
  package init(of value: JSONValue, path: String? = nil) throws(JSONError) {
    guard let object = value.objectValue else {
      throw JSONError(.wrongType, path: path, "the text holds \(value.kind), not a JSON object")
    }
    self.init(object, path: path)
  }

  private init(_ object: JSONObject, path: String?, place: String) {
    self.object = object
    self.path = path
    self.place = place
  }

  /// The value of a key; nil where it is absent.
  package subscript(key: String) -> JSONValue? { object[key] }

  /// A string.
  package func string(_ key: String) throws(JSONError) -> String { try needed(key, optionalString(key)) }
  /// A whole number.
  package func int(_ key: String) throws(JSONError) -> Int { try needed(key, optionalInt(key)) }
  /// A number.
  package func double(_ key: String) throws(JSONError) -> Double { try needed(key, optionalDouble(key)) }
  /// A number, rounded to float32.
  package func float(_ key: String) throws(JSONError) -> Float { Float(try double(key)) }
  /// A bool.
  package func bool(_ key: String) throws(JSONError) -> Bool { try needed(key, optionalBool(key)) }
  /// An array.
  package func array(_ key: String) throws(JSONError) -> [JSONValue] { try needed(key, optionalArray(key)) }
  /// An array of strings.
  package func strings(_ key: String) throws(JSONError) -> [String] { try needed(key, optionalStrings(key)) }
  /// An array of whole numbers.
  package func ints(_ key: String) throws(JSONError) -> [Int] { try needed(key, optionalInts(key)) }
  /// An object inside this one.
  package func fields(_ key: String) throws(JSONError) -> JSONFields { try needed(key, optionalFields(key)) }

  /// A string, or nil where the key is absent or null.
  package func optionalString(_ key: String) throws(JSONError) -> String? {
    try converted(key, to: "a string") { $0.stringValue }
  }

  /// A whole number, or nil where the key is absent or null.
  package func optionalInt(_ key: String) throws(JSONError) -> Int? {
    try converted(key, to: "a whole number") { $0.intValue }
  }

  /// A number, or nil where the key is absent or null.
  package func optionalDouble(_ key: String) throws(JSONError) -> Double? {
    try converted(key, to: "a number") { $0.doubleValue }
  }

  /// A number rounded to float32, or nil where the key is absent or null.
  package func optionalFloat(_ key: String) throws(JSONError) -> Float? { try optionalDouble(key).map { Float($0) } }

  /// A bool, or nil where the key is absent or null.
  package func optionalBool(_ key: String) throws(JSONError) -> Bool? {
    try converted(key, to: "a bool") { $0.boolValue }
  }

  /// An array, or nil where the key is absent or null.
  package func optionalArray(_ key: String) throws(JSONError) -> [JSONValue]? {
    try converted(key, to: "an array") { $0.arrayValue }
  }

  /// An array of strings, or nil where the key is absent or null.
  package func optionalStrings(_ key: String) throws(JSONError) -> [String]? {
    try converted(key, to: "an array of strings") { Self.all($0) { $0.stringValue } }
  }

  /// An array of whole numbers, or nil where the key is absent or null.
  package func optionalInts(_ key: String) throws(JSONError) -> [Int]? {
    try converted(key, to: "an array of whole numbers") { Self.all($0) { $0.intValue } }
  }

  /// An object inside this one, or nil where the key is absent or null.
  package func optionalFields(_ key: String) throws(JSONError) -> JSONFields? {
    try converted(key, to: "an object") { $0.objectValue }
      .map { JSONFields($0, path: path, place: place + key + ".") }
  }

  private static func all<Element>(_ value: JSONValue, _ convert: (JSONValue) -> Element?) -> [Element]? {
    guard let elements = value.arrayValue else { return nil }
    let converted = elements.compactMap(convert)
    return converted.count == elements.count ? converted : nil
  }

  private func needed<Value>(_ key: String, _ value: Value?) throws(JSONError) -> Value {
    guard let value else {
      throw JSONError(
        .missingKey, path: path,
        "there is no key \(JSONError.quoted(place + key)): the file is incomplete or made for another program")
    }
    return value
  }

  private func converted<Value>(
    _ key: String, to wanted: String, _ convert: (JSONValue) -> Value?
  ) throws(JSONError) -> Value? {
    guard let value = object[key], !value.isNull else { return nil }
    guard let result = convert(value) else {
      throw JSONError(
        .wrongType, path: path, "the key \(JSONError.quoted(place + key)) should be \(wanted) but is \(value.kind)")
    }
    return result
  }
}
