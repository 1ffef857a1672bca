import TesseraJSON

// Schemas that must hold together become one.
extension JSONSchemaReader {
  /// A schema without `$ref` and `allOf`: what these name is put into it.
  mutating func merged(_ fields: JSONObject, at place: String, depth: Int = 0) throws(GrammarError) -> JSONObject {
    try countPart(at: place)
    try spend(fields.count, at: place)
    try checkNames(fields, at: place)
    guard depth <= 32 else {
      throw Self.error(.tooComplex, at: place, "'$ref' and 'allOf' lead on more than 32 times, or back to themselves")
    }
    var result = fields
    (result["$ref"], result["allOf"]) = (nil, nil)
    var parts: [(JSONValue, String)] = []
    if let target = try text("$ref", of: fields, at: place) { parts.append((try resolve(target, at: place), target)) }
    for (index, part) in (try array("allOf", of: fields, at: place) ?? []).enumerated() {
      try spend(SchemaValue.weight(of: place), at: place)
      parts.append((part, "\(place)/allOf/\(index)"))
    }
    for (part, place) in parts {
      switch part {
      case .bool(true): continue
      case .bool(false): (result["enum"], result["nullable"]) = ([], nil)
      case .object(let fields):
        try check(fields, at: place)
        result = try merge(result, try merged(fields, at: place, depth: depth + 1), at: place)
      default: throw Self.error(.malformed, at: place, "a schema is an object or a bool, and this is \(part.kind)")
      }
    }
    return result
  }

  private mutating func merge(
    _ first: JSONObject, _ second: JSONObject, at place: String
  ) throws(GrammarError) -> JSONObject {
    try spend(first.count + second.count, at: place)
    var result = first
    for (key, value) in second.members {
      guard let old = result[key] else {
        result[key] = value
        continue
      }
      if Self.isAnnotation(key) { continue }
      switch key {
      case "properties", "prefixItems", "nullable": continue
      case "const":
        if try !areSame(old, value, at: place) { result["enum"] = [] }
      case "items", "additionalProperties": result[key] = try both(old, value, at: place)
      default: result[key] = try both(key, old, value, at: place)
      }
    }
    try mergeMembers(first, second, into: &result, at: place)
    try mergeItems(first, second, into: &result, at: place)
    let isNullable = [first, second].allSatisfy { fields in
      fields["nullable"] == true || fields.keys.allSatisfy(Self.isAnnotation)
    }
    if !isNullable { result["nullable"] = nil }
    try checkNames(result, at: place)
    return result
  }

  // MARK: Parts that depend on each other

  /// Each may forbid or describe members that only the other lists.
  private mutating func mergeMembers(
    _ first: JSONObject, _ second: JSONObject, into result: inout JSONObject, at place: String
  ) throws(GrammarError) {
    guard first["properties"] != nil || second["properties"] != nil else { return }
    let (one, other) = (
      first["properties"]?.objectValue ?? JSONObject(), second["properties"]?.objectValue ?? JSONObject()
    )
    let (rest, otherRest) = (first["additionalProperties"] ?? true, second["additionalProperties"] ?? true)
    var properties = JSONObject()
    for (key, schema) in one.members {
      try spend(SchemaValue.weight(of: key), at: place)
      properties[key] = try both(schema, other[key] ?? otherRest, at: place)
    }
    for (key, schema) in other.members {
      try spend(SchemaValue.weight(of: key), at: place)
      if one[key] == nil { properties[key] = try both(rest, schema, at: place) }
    }
    result["properties"] = .object(properties)
  }

  /// The first items may be described one by one in one schema, and all alike in the other.
  private mutating func mergeItems(
    _ first: JSONObject, _ second: JSONObject, into result: inout JSONObject, at place: String
  ) throws(GrammarError) {
    guard first["prefixItems"] != nil || second["prefixItems"] != nil else { return }
    let (one, other) = (
      try array("prefixItems", of: first, at: place) ?? [], try array("prefixItems", of: second, at: place) ?? []
    )
    let (rest, otherRest) = (first["items"] ?? true, second["items"] ?? true)
    var items: [JSONValue] = []
    for index in 0..<max(one.count, other.count) {
      try spend(1, at: place)
      items.append(
        try both(
          index < one.count ? one[index] : rest, index < other.count ? other[index] : otherRest, at: place))
    }
    result["prefixItems"] = .array(items)
  }

  // MARK: Two values

  private mutating func areSame(_ a: JSONValue, _ b: JSONValue, at place: String) throws(GrammarError) -> Bool {
    try spend(a, b, at: place)
    return SchemaValue(a) == SchemaValue(b)
  }

  /// A schema that is both.
  private mutating func both(_ a: JSONValue, _ b: JSONValue, at place: String) throws(GrammarError) -> JSONValue {
    switch (a, b) {
    case (.bool(true), _): b
    case (_, .bool(true)): a
    case (.bool(false), _), (_, .bool(false)): false
    default: try areSame(a, b, at: place) ? a : .object(["allOf": [a, b]])
    }
  }

  /// A keyword's value where two hold.
  private mutating func both(
    _ key: String, _ a: JSONValue, _ b: JSONValue, at place: String
  ) throws(GrammarError) -> JSONValue {
    func larger(_ isLarger: Bool) throws(GrammarError) -> JSONValue {
      if let x = a.intValue, let y = b.intValue { return (x > y) == isLarger ? a : b }
      guard let x = a.doubleValue, let y = b.doubleValue else {
        throw Self.error(.malformed, at: place, "'\(key)' should be a number")
      }
      return (x > y) == isLarger ? a : b
    }
    try spend(a, b, at: place)
    switch key {
    case "minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties": return try larger(true)
    case "maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties": return try larger(false)
    case "uniqueItems": return .bool(a == true || b == true)
    case "required", "enum":
      let (first, second) = (
        try array(key, of: [key: a], at: place) ?? [], try array(key, of: [key: b], at: place) ?? []
      )
      if key == "enum" {
        let values = Set(second.map(SchemaValue.init))
        return .array(first.filter { values.contains(SchemaValue($0)) })
      }
      let names = Set(first.map(SchemaValue.init))
      return .array(first + second.filter { !names.contains(SchemaValue($0)) })
    case "type":
      let (first, second) = (
        try Self.types(of: ["type": a], at: place) ?? [], try Self.types(of: ["type": b], at: place) ?? []
      )
      let common = Kind.allCases.filter { kind in
        [first, second].allSatisfy { $0.contains(kind) || kind == .integer && $0.contains(.number) }
      }
      return .array(common.filter { $0 != .integer || !common.contains(.number) }.map { .string($0.rawValue) })
    default:
      guard SchemaValue(a) == SchemaValue(b) else {
        throw Self.error(.unsupported, at: place, "two '\(key)' that differ cannot be put together")
      }
      return a
    }
  }
}
