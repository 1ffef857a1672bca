import TesseraJSON

// `oneOf`: exactly one may hold. Where no document fulfills two, that is `anyOf`.
extension JSONSchemaReader {
  mutating func requireDisjoint(_ options: [JSONValue], at place: String) throws(GrammarError) {
    guard options.count <= 60 else {
      throw Self.error(.tooComplex, at: place, "'oneOf' has \(options.count) options: at most 60 are compared")
    }
    var known: [JSONObject?] = []
    for (index, option) in options.enumerated() {
      guard let fields = option.objectValue else {
        known.append(nil)
        continue
      }
      let place = "\(place)/oneOf/\(index)"
      try check(fields, at: place)
      known.append(try merged(fields, at: place))
    }
    for (index, first) in known.enumerated() {
      for (other, second) in known[..<index].enumerated() {
        if options[index] == false || options[other] == false { continue }
        guard let first, let second, try areDisjoint(first, second, at: place) else {
          throw Self.error(
            .unsupported, at: place,
            "documents may fulfill both option \(other) and option \(index) of 'oneOf': use 'anyOf', or tell them "
              + "apart by their types, or by a required property with a 'const' of its own")
        }
      }
    }
  }

  /// Whether no document fulfills both, as far as that is easily seen.
  private mutating func areDisjoint(
    _ first: JSONObject, _ second: JSONObject, at place: String, depth: Int = 0
  ) throws(GrammarError) -> Bool {
    if first["nullable"] == true || second["nullable"] == true { return false }
    if let a = try listed(first, at: place), let b = try listed(second, at: place) {
      try spend(.array(a), .array(b), at: place)
      return Set(a.map(SchemaValue.init)).isDisjoint(with: b.map(SchemaValue.init))
    }
    // Types that are merely meant are not required.
    guard first["type"] != nil || first["enum"] != nil || first["const"] != nil,
      second["type"] != nil || second["enum"] != nil || second["const"] != nil
    else { return false }
    let (a, b) = (try kinds(of: first, at: place), try kinds(of: second, at: place))
    let common = Kind.allCases.filter { a.contains($0) && b.contains($0) }
    if common.isEmpty { return true }
    guard common == [.object], depth < 4 else { return false }
    let (one, other) = (Required(first), Required(second))
    try spend(one.weight + other.weight, at: place)
    for name in one.names where !other.mayHave(name) { return true }
    for name in other.names where !one.mayHave(name) { return true }
    let shared = Set(other.names)
    for name in one.names where shared.contains(name) {
      guard let a = one.properties[name.text]?.objectValue, let b = other.properties[name.text]?.objectValue
      else { continue }
      if try areDisjoint(merged(a, at: place), merged(b, at: place), at: place, depth: depth + 1) { return true }
    }
    return false
  }

  private struct Required {
    let names: [ScalarString]
    let properties: JSONObject
    let isClosed: Bool

    init(_ fields: JSONObject) {
      names = (fields["required"]?.arrayValue ?? []).prefix(200).compactMap { $0.stringValue.map { ScalarString($0) } }
      properties = fields["properties"]?.objectValue ?? JSONObject()
      isClosed = fields["additionalProperties"] == false
    }

    var weight: Int { names.reduce(1) { $0 + SchemaValue.weight(of: $1.text) } }

    func mayHave(_ name: ScalarString) -> Bool { !isClosed || properties[name.text] != nil }
  }

  /// The values of `enum` or `const`; nil for a schema without.
  private func listed(_ fields: JSONObject, at place: String) throws(GrammarError) -> [JSONValue]? {
    if let value = fields["const"] { return [value] }
    return try array("enum", of: fields, at: place)
  }

  private mutating func kinds(of fields: JSONObject, at place: String) throws(GrammarError) -> [Kind] {
    let types = fields["type"] == nil ? Kind.allCases : try Self.types(of: fields, at: place) ?? Kind.allCases
    let all = Kind.allCases.filter { kind in types.contains(kind) || kind == .integer && types.contains(.number) }
    guard let values = try listed(fields, at: place) else { return all }
    try spend(values.count, at: place)
    return all.filter { kind in values.contains { kind.contains($0) } }
  }
}
