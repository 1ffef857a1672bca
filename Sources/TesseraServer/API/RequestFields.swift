import TesseraJSON

/// The fields of a request's JSON object, each read with its place, so that a refusal can name it.
///
/// Getters give nil for what is absent or null.
struct RequestFields: Sendable {
  let object: JSONObject
  /// The keys that led here, such as `messages[0].`.
  private let place: String

  init(_ object: JSONObject, place: String = "") { (self.object, self.place) = (object, place) }

  /// - Throws: `APIError` for what is no JSON object, or goes over a limit.
  init(_ body: [UInt8], limits: ServerOptions.Limits) throws(APIError) {
    var options = JSONOptions.request
    (options.byteCount, options.depth, options.valueCount) = (limits.bodyBytes, limits.nesting, limits.values)
    let value: JSONValue
    do { value = try JSONValue(parsing: body, options: options) } catch {
      throw APIError(400, "The body is no JSON that can be served: \(error.message)", code: "invalid_json")
    }
    guard let object = value.objectValue else {
      throw APIError(400, "The body is \(value.kind): it must be a JSON object.", code: "invalid_json")
    }
    self.init(object)
  }

  /// The path of a key.
  func path(_ key: String) -> String { place + key }

  /// Whether a key has a value other than null.
  func has(_ key: String) -> Bool { !(object[key] ?? .null).isNull }

  /// The value of a key, if it is not null.
  func value(_ key: String) -> JSONValue? {
    // Not `nil`, which would be JSON's null.
    guard let value = object[key], !value.isNull else { return Optional.none }
    return value
  }

  func string(_ key: String) throws(APIError) -> String? { try read(key, "a string", \.stringValue) }
  func bool(_ key: String) throws(APIError) -> Bool? { try read(key, "true or false", \.boolValue) }
  func array(_ key: String) throws(APIError) -> [JSONValue]? { try read(key, "an array", \.arrayValue) }

  func int(_ key: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
    guard let value = try read(key, "a whole number", \.intValue) else { return nil }
    guard range.contains(value) else { throw outOfRange(key, "\(value)", Self.description(range)) }
    return value
  }

  func number(_ key: String, in range: ClosedRange<Double>) throws(APIError) -> Double? {
    guard let value = try read(key, "a number", \.doubleValue) else { return nil }
    guard range.contains(value) else {
      throw outOfRange(key, Self.text(value), "from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))")
    }
    return value
  }

  func fields(_ key: String) throws(APIError) -> RequestFields? {
    try read(key, "an object", \.objectValue).map { RequestFields($0, place: path(key) + ".") }
  }

  /// A string, or an array of them.
  func strings(_ key: String) throws(APIError) -> [String]? {
    guard let value = value(key) else { return nil }
    if let text = value.stringValue { return [text] }
    guard let list = value.arrayValue else { throw wrongType(key, "a string or an array of strings", value) }
    var strings: [String] = []
    for (index, element) in list.enumerated() {
      guard let text = element.stringValue else { throw wrongType("\(key)[\(index)]", "a string", element) }
      strings.append(text)
    }
    return strings
  }

  /// - Parameter why: by key.
  func refuse(_ unsupported: [(key: String, why: String)]) throws(APIError) {
    for (key, why) in unsupported where has(key) { throw .unsupported(path(key), why) }
  }

  func missing(_ key: String) -> APIError {
    APIError(400, "'\(path(key))' is missing.", param: path(key), code: "missing_required_parameter")
  }

  func wrongType(_ key: String, _ wanted: String, _ value: JSONValue) -> APIError {
    APIError(400, "'\(path(key))' is \(value.kind): it must be \(wanted).", param: path(key), code: "invalid_type")
  }

  func outOfRange(_ key: String, _ value: String, _ range: String) -> APIError {
    APIError(400, "'\(path(key))' is \(value): it must be \(range).", param: path(key), code: "out_of_range")
  }

  private func read<Value>(_ key: String, _ wanted: String, _ convert: (JSONValue) -> Value?) throws(APIError) -> Value?
  {
    guard let value = value(key) else { return nil }
    guard let result = convert(value) else { throw wrongType(key, wanted, value) }
    return result
  }

  /// A number without a fraction that is none.
  private static func text(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }

  private static func description(_ range: ClosedRange<Int>) -> String {
    range.upperBound == .max ? "\(range.lowerBound) or more" : "from \(range.lowerBound) to \(range.upperBound)"
  }
}
