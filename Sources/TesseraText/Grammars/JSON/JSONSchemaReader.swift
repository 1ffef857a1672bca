import TesseraJSON

/// Reads JSON schemas (draft 2020-12) as grammars of the texts of the documents that are valid by them.
///
/// Every text of the grammar is a valid document; not every valid document is one of its texts: members come in the
/// schema's order, and are the listed ones alone unless `additionalProperties` is given. What cannot be guaranteed is
/// refused.
struct JSONSchemaReader {
  static let byteLimit = 1 << 20
  private static let depthLimit = 100

  let root: JSONValue
  var json = JSONGrammar()
  /// The rules of schemas that others refer to.
  private var references: [String: Int] = [:]
  private var depth = 0
  var work = SchemaWork()

  private init(_ root: JSONValue) { self.root = root }

  /// - Throws: `GrammarError` with the place in the schema.
  static func grammar(_ schema: String) throws(GrammarError) -> Grammar {
    var (rules, work) = (GrammarRules(), SchemaWork())
    let node = try node(of: try value(schema), in: &rules, &work)
    return try rules.grammar(node)
  }

  /// The documents of a schema, beside those of others.
  static func node(
    of schema: JSONValue, in rules: inout GrammarRules, _ work: inout SchemaWork
  ) throws(GrammarError) -> GrammarNode {
    var reader = JSONSchemaReader(schema)
    (reader.json.rules, reader.work) = (rules, work)
    let node = try reader.reference("#", at: "#")
    (rules, work) = (reader.json.rules, reader.work)
    return node
  }

  /// The text of a schema as a value.
  static func value(_ schema: String) throws(GrammarError) -> JSONValue {
    var options = JSONOptions.request
    options.byteCount = byteLimit
    options.roundsLargeIntegers = true
    do throws(JSONError) { return try JSONValue(parsing: schema, options: options) } catch {
      throw GrammarError(.malformed, "the JSON schema is no JSON: \(error.message)")
    }
  }

  static func error(_ code: GrammarError.Code, at place: String, _ problem: String) -> GrammarError {
    let shown = place.utf8.count > 200 ? "…" + place.suffix(200) : place
    return GrammarError(code, "the JSON schema, at \(shown): \(problem)")
  }

  /// Gives errors of a part their place.
  func located<T>(_ place: String, _ body: () throws(GrammarError) -> T) throws(GrammarError) -> T {
    do throws(GrammarError) { return try body() } catch { throw Self.error(error.code, at: place, error.message) }
  }

  // MARK: Schemas

  /// The texts of a schema's documents.
  mutating func node(_ schema: JSONValue, at place: String) throws(GrammarError) -> GrammarNode {
    try countPart(at: place)
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else {
      throw Self.error(.tooComplex, at: place, "the schema is nested more than \(Self.depthLimit) deep")
    }
    switch schema {
    case .bool(let isAny): return isAny ? try json.any() : .never
    case .object(let fields):
      try spend(fields.count, at: place)
      try check(fields, at: place)
      if let target = try pureReference(fields, at: place) { return try reference(target, at: place) }
      return try node(merged(fields, at: place), at: place)
    default: throw Self.error(.malformed, at: place, "a schema is an object or a bool, and this is \(schema.kind)")
    }
  }

  /// The rule of what a reference names.
  private mutating func reference(_ target: String, at place: String) throws(GrammarError) -> GrammarNode {
    try spend(SchemaValue.weight(of: target), at: place)
    if let rule = references[target] { return .rule(rule) }
    let schema = try resolve(target, at: place)
    let rule = try json.rules.declare(target)
    references[target] = rule
    json.rules.define(rule, try node(schema, at: target))
    return .rule(rule)
  }

  /// What a schema refers to where that is all that it says.
  private func pureReference(_ fields: JSONObject, at place: String) throws(GrammarError) -> String? {
    guard let reference = fields["$ref"] else { return nil }
    guard let target = reference.stringValue else {
      throw Self.error(.malformed, at: place, "'$ref' should be a string but is \(reference.kind)")
    }
    return fields.keys.allSatisfy { $0 == "$ref" || Self.isAnnotation($0) } ? target : nil
  }

  /// The schema at a pointer into the whole, such as `#/$defs/item`.
  func resolve(_ target: String, at place: String) throws(GrammarError) -> JSONValue {
    guard target == "#" || target.hasPrefix("#/") else {
      throw Self.error(
        .unsupported, at: place, "'$ref' \(GrammarError.quoted(target)) is no pointer into this schema ('#/$defs/…')")
    }
    var value = root
    for part in target.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      var key = Self.percentDecoded(String(part))
      key.replace("~1", with: "/")
      key.replace("~0", with: "~")
      let next =
        value.objectValue?[key]
        ?? value.arrayValue.flatMap { list in
          Int(key).flatMap { list.indices.contains($0) ? list[$0] : nil }
        }
      guard let next else {
        throw Self.error(.malformed, at: place, "'$ref' \(GrammarError.quoted(target)) names nothing in this schema")
      }
      value = next
    }
    return value
  }

  private static func percentDecoded(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
    var (bytes, output) = (Array(text.utf8)[...], [UInt8]())
    while let byte = bytes.popFirst() {
      if byte == UInt8(ascii: "%"), bytes.count >= 2,
        let value = UInt8(String(decoding: bytes.prefix(2), as: UTF8.self), radix: 16)
      {
        output.append(value)
        bytes = bytes.dropFirst(2)
      } else {
        output.append(byte)
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// The texts of a schema without references and `allOf`.
  private mutating func node(_ fields: JSONObject, at place: String) throws(GrammarError) -> GrammarNode {
    var fields = fields
    if fields["nullable"] == true {
      fields["nullable"] = nil
      return .choice([try node(fields, at: place), JSONGrammar.null])
    }
    fields["nullable"] = nil
    for key in ["anyOf", "oneOf"] {
      guard let options = try array(key, of: fields, at: place) else { continue }
      fields[key] = nil
      if key == "oneOf" { try requireDisjoint(options, at: place) }
      let isAlone = fields.keys.allSatisfy(Self.isAnnotation)
      var nodes: [GrammarNode] = []
      for (index, option) in options.enumerated() {
        let option: JSONValue = isAlone ? option : ["allOf": [.object(fields), option]]
        nodes.append(try node(option, at: "\(place)/\(key)/\(index)"))
      }
      return .choice(nodes)
    }
    let types = try Self.types(of: fields, at: place)
    if let values = try values(of: fields, types, at: place) { return JSONGrammar.literals(values) }
    guard let types else { return try json.any() }
    var nodes: [GrammarNode] = []
    for type in types where type != .integer || !types.contains(.number) {
      nodes.append(try node(of: type, fields, at: place))
    }
    return nodes.count == 1 ? nodes[0] : .choice(nodes)
  }

  private mutating func node(of type: Kind, _ fields: JSONObject, at place: String) throws(GrammarError) -> GrammarNode
  {
    switch type {
    case .null: JSONGrammar.null
    case .boolean: JSONGrammar.boolean
    case .string: try string(fields, at: place)
    case .integer: try integer(fields, at: place)
    case .number: try number(fields, at: place)
    case .array: try array(fields, at: place)
    case .object: try object(fields, at: place)
    }
  }
}
