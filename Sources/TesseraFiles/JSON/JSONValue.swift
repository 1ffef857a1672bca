/// A JSON value (RFC 8259), from a file that need not be trusted.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number written without fraction or exponent that fits `Int`.
  case int(Int)
  /// Any other number; also the NaN and Infinity that Python's `json` writes.
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// The number, where it is a whole one that fits `Int` (`2` and `2.0`); else nil.
  public var intValue: Int? {
    switch self {
    case .int(let value): value
    case .double(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The number; nil for other values.
  public var doubleValue: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }

  /// The bool; nil for other values.
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The string; nil for other values.
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }

  /// The array's elements; nil for other values.
  public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

  /// The object's members; nil for other values.
  public var objectValue: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }

  /// What kind of value this is, for messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a bool"
    case .int, .double: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// What a JSON text may ask for before it is refused.
  public struct Limits: Sendable {
    /// Bytes of text.
    public var byteCount = 100_000_000
    /// Values of all kinds together. (The largest `tokenizer.json` files have 2 million.)
    public var valueCount = 1 << 22
    /// Arrays and objects inside each other.
    public var depth = 64

    /// The usual limits.
    public init() {}
  }

  /// Parses the file at `path`.
  ///
  /// - Throws: `FileError` `.malformed` with the place, `.tooLarge`, or as `MappedFile` does.
  public init(path: String, limits: Limits = Limits()) throws(FileError) {
    let file = try MappedFile(path: path)
    self = try JSONValue(parsing: file.contents, path: path, limits: limits)
  }

  /// Parses UTF-8 text.
  ///
  /// - Parameter path: the file that errors name.
  public init(parsing text: UnsafeRawBufferPointer, path: String, limits: Limits = Limits()) throws(FileError) {
    var parser = JSONParser(text: text, path: path, limits: limits)
    self = try parser.document()
  }
}
