import TesseraJSON

// Schemas that must hold together become one.
extension JSONSchemaReader {
  /// A schema without `$ref` and `allOf`: what these name is put into it.
  mutating func merged(_ fields: JSONObject, at place: String, depth: Int = 0) throws(GrammarError) -> JSONObject {
    try countPart(at: place)
    guard depth <= 32 else {
      throw Self.error(.tooComplex, at: place, "'$ref' and 'allOf' lead on more than 32 times, or back to themselves")
    }
    var result = fields
    (result["$ref"], result["allOf"]) = (nil, nil)
    var parts: [(JSONValue, String)] = []
    if let target = try text("$ref", of: fields, at: place) { parts.append((try resolve(target, at: place), target)) }
    for (index, part) in (try array("allOf", of: fields, at: place) ?? []).enumerated() {
      parts.append((part, "\(place)/allOf/\(index)"))
    }
    for (part, place) in parts {
      switch part {
      case .bool(true): continue
      case .bool(false): result["enum"] = []
      case .object(let fields):
        try check(fields, at: place)
        result = try merge(result, try merged(fields, at: place, depth: depth + 1), at: place)
      default: throw Self.error(.malformed, at: place, "a schema is an object or a bool, and this is \(part.kind)")
      }
    }
    return result
  }

  private func merge(_ first: JSONObject, _ second: JSONObject, at place: String) throws(GrammarError) -> JSONObject {
    var result = first
    for (key, value) in second.members {
      guard let old = first[key] else {
        result[key] = value
        continue
      }
      if old == value || Self.annotations.contains(key) { continue }
      result[key] = try Self.both(key, old, value, at: place)
      if key == "const" { result["enum"] = [] }
    }
    // Each may forbid or describe what only the other lists.
    let (one, other) = (Members(first), Members(second))
    if one.isGiven || other.isGiven, first["properties"] != nil || second["properties"] != nil {
      let keys = one.properties.keys + other.properties.keys.filter { one.properties[$0] == nil }
      result["properties"] = .object(
        JSONObject(keys.map { ($0, Self.both(one.schema(of: $0), other.schema(of: $0))) }))
    }
    if let (a, b) = one.additional.flatMap({ a in other.additional.map { (a, $0) } }) {
      result["additionalProperties"] = Self.both(a, b)
    }
    return result
  }

  /// Refuses lists that take too long to compare.
  static func checkLists(_ first: [JSONValue], _ second: [JSONValue], at place: String) throws(GrammarError) {
    guard first.isEmpty || second.count <= 1_000_000 / first.count else {
      throw error(.tooComplex, at: place, "lists of \(first.count) and \(second.count) values are too long to compare")
    }
  }

  /// What a schema says about members.
  private struct Members {
    let properties: JSONObject
    let additional: JSONValue?

    init(_ fields: JSONObject) {
      properties = fields["properties"]?.objectValue ?? JSONObject()
      additional = fields["additionalProperties"]
    }

    var isGiven: Bool { !properties.isEmpty || additional != nil }

    func schema(of key: String) -> JSONValue { properties[key] ?? additional ?? true }
  }

  /// A schema that is both.
  private static func both(_ a: JSONValue, _ b: JSONValue) -> JSONValue {
    switch (a, b) {
    case (.bool(true), _): b
    case (_, .bool(true)): a
    case (.bool(false), _), (_, .bool(false)): false
    default: a == b ? a : .object(["allOf": [a, b]])
    }
  }

  /// A keyword's value where two hold.
  private static func both(_ key: String, _ a: JSONValue, _ b: JSONValue, at place: String) throws(GrammarError)
    -> JSONValue
  {
    func larger(_ isLarger: Bool) throws(GrammarError) -> JSONValue {
      guard let x = a.doubleValue, let y = b.doubleValue else {
        throw error(.malformed, at: place, "'\(key)' should be a number")
      }
      return (x > y) == isLarger ? a : b
    }
    if let first = a.arrayValue, let second = b.arrayValue { try checkLists(first, second, at: place) }
    switch key {
    case "minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties": return try larger(true)
    case "maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties": return try larger(false)
    case "nullable": return .bool(a == true && b == true)
    case "uniqueItems": return .bool(a == true || b == true)
    case "required":
      let names = a.arrayValue ?? [a]
      return .array(names + (b.arrayValue ?? [b]).filter { !names.contains($0) })
    case "enum":
      let values = b.arrayValue ?? []
      return .array((a.arrayValue ?? []).filter { values.contains($0) })
    case "type":
      let (first, second) = (
        try types(of: ["type": a], at: place) ?? [], try types(of: ["type": b], at: place) ?? []
      )
      let common = Kind.allCases.filter { kind in
        [first, second].allSatisfy { $0.contains(kind) || kind == .integer && $0.contains(.number) }
      }
      return .array(common.filter { $0 != .integer || !common.contains(.number) }.map { .string($0.rawValue) })
    case "items", "additionalProperties": return both(a, b)
    // Members are put together by name, and two constants are none.
    case "properties", "const": return a
    default:
      throw error(.unsupported, at: place, "two '\(key)' that differ cannot be put together")
    }
  }
}
