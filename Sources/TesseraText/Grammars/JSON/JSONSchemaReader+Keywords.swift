import TesseraJSON

extension JSONSchemaReader {
  /// The types that schemas name.
  enum Kind: String, CaseIterable {
    case null, boolean, integer, number, string, array, object

    /// The keywords that say something about values of this type alone.
    var keywords: [String] {
      switch self {
      case .null, .boolean, .integer: []
      case .number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
      case .string: ["minLength", "maxLength", "pattern", "format"]
      case .array: ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"]
      case .object: ["properties", "required", "additionalProperties", "minProperties", "maxProperties"]
      }
    }

    func contains(_ value: JSONValue) -> Bool {
      switch (self, value) {
      case (.null, .null), (.boolean, .bool), (.string, .string), (.array, .array), (.object, .object): true
      case (.number, .int), (.number, .double), (.integer, .int): true
      case (.integer, .double(let number)): number.rounded() == number
      default: false
      }
    }
  }

  /// Keywords that say nothing about which documents are valid.
  private static let annotations: Set<String> = [
    "title", "description", "default", "examples", "example", "$schema", "$id", "$comment", "deprecated", "readOnly",
    "writeOnly", "$defs", "definitions", "discriminator", "externalDocs", "contentMediaType",
  ]
  /// Keywords about values of any type.
  private static let general: Set<String> = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "nullable"]
  private static let known = Set(Kind.allCases.flatMap(\.keywords)).union(general)

  static func isAnnotation(_ key: String) -> Bool { annotations.contains(key) || key.hasPrefix("x-") }

  /// Refuses keywords that are not followed.
  func check(_ fields: JSONObject, at place: String) throws(GrammarError) {
    for key in fields.keys where !Self.known.contains(key) && !Self.isAnnotation(key) {
      throw Self.error(
        .unsupported, at: place, "the keyword \(GrammarError.quoted(key)) cannot be guaranteed: leave it out")
    }
  }

  /// The types that a schema allows; nil: all of them.
  static func types(of fields: JSONObject, at place: String) throws(GrammarError) -> [Kind]? {
    guard let type = fields["type"] else {
      // Keywords about one type are meant for values of it.
      let types = Kind.allCases.filter { $0.keywords.contains { fields[$0] != nil } }
      return types.isEmpty ? nil : types
    }
    var types: [Kind] = []
    let names = type.arrayValue ?? [type]
    for name in names {
      guard names.count <= Kind.allCases.count, let type = name.stringValue.flatMap(Kind.init(rawValue:)) else {
        throw error(
          .malformed, at: place,
          "'type' should be one of \(Kind.allCases.map(\.rawValue).joined(separator: ", ")), or a list of them")
      }
      if !types.contains(type) { types.append(type) }
    }
    return types
  }

  /// The values that `enum` and `const` leave; nil where there is neither.
  mutating func values(of fields: JSONObject, _ types: [Kind]?, at place: String) throws(GrammarError) -> [JSONValue]? {
    var values = try array("enum", of: fields, at: place)
    try spend(fields["enum"], fields["const"], at: place)
    if let value = fields["const"] { values = values?.filter { SchemaValue($0) == SchemaValue(value) } ?? [value] }
    guard let values else { return nil }
    let others = fields.keys.filter {
      !Self.isAnnotation($0) && !["type", "enum", "const"].contains($0)
    }
    guard others.isEmpty else {
      throw Self.error(
        .unsupported, at: place, "'\(others[0])' beside 'enum' or 'const' is not supported: list the values that remain"
      )
    }
    return fields["type"] == nil ? values : values.filter { value in types?.contains { $0.contains(value) } ?? true }
  }

  // MARK: Values of keywords

  func array(_ key: String, of fields: JSONObject, at place: String) throws(GrammarError) -> [JSONValue]? {
    try field(key, of: fields, at: place, "an array") { $0.arrayValue }
  }

  func text(_ key: String, of fields: JSONObject, at place: String) throws(GrammarError) -> String? {
    try field(key, of: fields, at: place, "a string") { $0.stringValue }
  }

  /// A count, 0 or more.
  func count(_ key: String, of fields: JSONObject, at place: String) throws(GrammarError) -> Int? {
    try field(key, of: fields, at: place, "a whole number from 0 on") { value in
      value.intValue.flatMap { $0 >= 0 ? $0 : nil }
    }
  }

  func field<T>(
    _ key: String, of fields: JSONObject, at place: String, _ wanted: String, _ convert: (JSONValue) -> T?
  ) throws(GrammarError) -> T? {
    guard let value = fields[key] else { return nil }
    guard let result = convert(value) else {
      throw Self.error(.malformed, at: place, "'\(key)' should be \(wanted)")
    }
    return result
  }

  /// A count of repetitions from two keywords.
  func counts(
    _ least: String, _ most: String, of fields: JSONObject, at place: String
  ) throws(GrammarError) -> GrammarBuilder.Count {
    let least = try count(least, of: fields, at: place) ?? 0
    return .init(least: least, most: try count(most, of: fields, at: place))
  }
}
