import TesseraSystem

/// The keys and values of a GGUF file, in the file's order.
///
/// Each typed getter throws `FileError` `.missingKey` where the key is absent and `.wrongType` where the value has
/// another type. The `optional…` variants give nil for an absent key and still refuse a wrong type.
package struct Metadata: Sendable {
  /// All keys, in the file's order.
  package let keys: [String]
  let values: [String: MetadataValue]
  let path: String

  /// Keys and values that are made up, for a model that is described or about to be written; keys are sorted.
  ///
  /// - Parameter name: what errors call the model.
  package init(_ values: [String: MetadataValue], of name: String) {
    self.init(keys: values.keys.sorted(), values: values, path: name)
  }

  /// Keys and values that are made up, in an order.
  ///
  /// - Parameter keys: each once, all with a value; others are left out.
  package init(ordered keys: [String], _ values: [String: MetadataValue], of name: String) {
    var seen: Set<String> = []
    self.init(keys: keys.filter { values[$0] != nil && seen.insert($0).inserted }, values: values, path: name)
  }

  init(keys: [String], values: [String: MetadataValue], path: String) {
    self.keys = keys
    self.values = values
    self.path = path
  }

  /// Whether a key's text must be UTF-8: what a tokenizer is made of. Other text describes or names something, and is
  /// shown with U+FFFD where it is not: what a name must be is checked by who uses it.
  static func isStrict(_ key: String) -> Bool { key.hasPrefix("tokenizer.") }

  /// The value of a key; nil where it is absent.
  package subscript(key: String) -> MetadataValue? { values[key] }

  /// A string.
  package func string(_ key: String) throws(FileError) -> String { try needed(key, optionalString(key)) }

  /// A number of any integer type.
  package func int(_ key: String) throws(FileError) -> Int { try needed(key, optionalInt(key)) }

  /// A number of a floating-point or integer type, rounded to float32.
  package func float(_ key: String) throws(FileError) -> Float { try needed(key, optionalFloat(key)) }

  /// A number of a floating-point or integer type.
  package func double(_ key: String) throws(FileError) -> Double { try needed(key, optionalDouble(key)) }

  /// A bool.
  package func bool(_ key: String) throws(FileError) -> Bool { try needed(key, optionalBool(key)) }

  /// An array of any type.
  package func array(_ key: String) throws(FileError) -> MetadataArray { try needed(key, optionalArray(key)) }

  /// An array of strings; a tokenizer's must be UTF-8.
  package func strings(_ key: String) throws(FileError) -> [String] { try array(key).strings() }

  /// The bytes of an array of strings, left in the mapped file.
  package func rawStrings(_ key: String) throws(FileError) -> RawStrings { try needed(key, optionalRawStrings(key)) }

  /// An array of any integer type.
  package func ints(_ key: String) throws(FileError) -> [Int] { try array(key).ints() }

  /// An array of a floating-point type, rounded to float32.
  package func floats(_ key: String) throws(FileError) -> [Float] { try array(key).floats() }

  /// A string, or nil where the key is absent.
  package func optionalString(_ key: String) throws(FileError) -> String? {
    try converted(key, to: "a string") { $0.stringValue }
  }

  /// A number of any integer type, or nil where the key is absent.
  package func optionalInt(_ key: String) throws(FileError) -> Int? {
    try converted(key, to: "an integer") { $0.intValue }
  }

  /// A number of a floating-point or integer type rounded to float32, or nil where the key is absent.
  package func optionalFloat(_ key: String) throws(FileError) -> Float? {
    try optionalDouble(key).map { Float($0) }
  }

  /// A number of a floating-point or integer type, or nil where the key is absent.
  package func optionalDouble(_ key: String) throws(FileError) -> Double? {
    try converted(key, to: "a number") { $0.doubleValue }
  }

  /// A bool, or nil where the key is absent.
  package func optionalBool(_ key: String) throws(FileError) -> Bool? {
    try converted(key, to: "a bool") { $0.boolValue }
  }

  /// An array of any type, or nil where the key is absent.
  package func optionalArray(_ key: String) throws(FileError) -> MetadataArray? {
    try converted(key, to: "an array") { $0.arrayValue }
  }

  /// An array of strings, or nil where the key is absent.
  package func optionalStrings(_ key: String) throws(FileError) -> [String]? { try optionalArray(key)?.strings() }

  /// The bytes of an array of strings, or nil where the key is absent.
  package func optionalRawStrings(_ key: String) throws(FileError) -> RawStrings? {
    try converted(key, to: "an array of strings") { $0.arrayValue?.rawStrings }
  }

  /// An array of any integer type, or nil where the key is absent.
  package func optionalInts(_ key: String) throws(FileError) -> [Int]? { try optionalArray(key)?.ints() }

  /// An array of a floating-point type, or nil where the key is absent.
  package func optionalFloats(_ key: String) throws(FileError) -> [Float]? { try optionalArray(key)?.floats() }

  private func needed<Value>(_ key: String, _ value: Value?) throws(FileError) -> Value {
    guard let value else {
      throw FileError(
        .missingKey, path: path,
        "the metadata has no key \(FileError.quoted(key)): the file is incomplete or made for another program")
    }
    return value
  }

  private func converted<Value>(
    _ key: String, to wanted: String, _ convert: (MetadataValue) -> Value?
  ) throws(FileError) -> Value? {
    guard let value = values[key] else { return nil }
    guard let result = convert(value) else {
      let kind = if case .array(let array) = value { "array of \(array.elementType)" } else { "\(value.type)" }
      throw FileError(
        .wrongType, path: path,
        "the metadata key \(FileError.quoted(key)) should be \(wanted) but is of type \(kind): "
          + "the file was made by a converter for something else")
    }
    return result
  }
}
