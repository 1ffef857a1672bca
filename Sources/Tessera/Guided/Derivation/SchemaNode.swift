import TesseraJSON

/// A part of a schema as it is derived.
indirect enum SchemaNode: Equatable {
  case given(JSONValue)
  case optional(SchemaNode)
  case list(SchemaNode)
  /// Members of any names.
  case map(SchemaNode)
  /// An array of so many items.
  case tuple([SchemaNode])
  case object([Member])
  case choice([SchemaNode])
  /// The schema of a type.
  case type(ObjectIdentifier)

  struct Member: Equatable {
    let key: String
    let value: SchemaNode
    var isRequired: Bool
  }
}

/// What has been derived of a type.
struct TypeSchema {
  let name: String
  let node: SchemaNode
  /// Whether the schema, which the type has given, points into itself.
  var hasPointers = false
}

/// Puts the schemas of types together: those that are used in several places, or within themselves, by reference.
struct SchemaWriter {
  private let types: [ObjectIdentifier: TypeSchema]
  private let root: ObjectIdentifier?
  private var uses: [ObjectIdentifier: Int] = [:]
  /// Types in the order in which they were found.
  private var order: [ObjectIdentifier] = []
  private var names: [ObjectIdentifier: String] = [:]

  private init(_ types: [ObjectIdentifier: TypeSchema], root: ObjectIdentifier?) {
    (self.types, self.root) = (types, root)
  }

  static func schema(_ node: SchemaNode, _ types: [ObjectIdentifier: TypeSchema]) -> JSONValue {
    var (root, body): (ObjectIdentifier?, SchemaNode) = (nil, node)
    if case .type(let id) = node, let type = types[id] { (root, body) = (id, type.node) }
    var writer = SchemaWriter(types, root: root)
    writer.count(body)
    writer.name()
    guard case .object(var schema) = writer.value(body), !writer.names.isEmpty else { return writer.value(body) }
    var definitions = JSONObject()
    for id in writer.order {
      guard let name = writer.names[id], let type = types[id] else { continue }
      definitions[name] = writer.definition(type, name)
    }
    schema["$defs"] = .object(definitions)
    return .object(schema)
  }

  /// Counts where types are used.
  private mutating func count(_ node: SchemaNode) {
    switch node {
    case .given: break
    case .optional(let node), .list(let node), .map(let node): count(node)
    case .tuple(let nodes), .choice(let nodes): for node in nodes { count(node) }
    case .object(let members): for member in members { count(member.value) }
    case .type(let id):
      uses[id, default: 0] += 1
      guard id != root, uses[id] == 1, let type = types[id] else { return }
      order.append(id)
      count(type.node)
    }
  }

  private mutating func name() {
    var taken = Set<String>()
    for id in order {
      guard let type = types[id], uses[id] ?? 0 > 1 || type.hasPointers else { continue }
      var (name, number) = (type.name, 1)
      while !taken.insert(name).inserted {
        number += 1
        name = "\(type.name)\(number)"
      }
      names[id] = name
    }
  }

  private func value(_ node: SchemaNode) -> JSONValue {
    switch node {
    case .given(let schema): return schema
    case .optional(let node): return ["anyOf": [value(node), ["type": "null"]]]
    case .list(let node): return ["type": "array", "items": value(node)]
    case .map(let node): return ["type": "object", "additionalProperties": value(node)]
    case .tuple(let nodes):
      if nodes.isEmpty { return ["type": "array", "maxItems": 0] }
      return [
        "type": "array", "prefixItems": .array(nodes.map(value)), "items": false, "minItems": .int(nodes.count),
      ]
    case .choice(let nodes): return ["anyOf": .array(nodes.map(value))]
    case .object(let members):
      var schema: JSONObject = [
        "type": "object", "properties": .object(JSONObject(members.map { ($0.key, value($0.value)) })),
      ]
      let required = members.filter(\.isRequired).map { JSONValue.string($0.key) }
      if !required.isEmpty { schema["required"] = .array(required) }
      schema["additionalProperties"] = false
      return .object(schema)
    case .type(let id):
      if id == root { return ["$ref": "#"] }
      if let name = names[id] { return ["$ref": .string(Self.pointer(name))] }
      return types[id].map { value($0.node) } ?? true
    }
  }

  private static func pointer(_ name: String) -> String {
    var name = name
    for (character, escape) in [("~", "~0"), ("/", "~1"), ("%", "%25")] { name.replace(character, with: escape) }
    return "#/$defs/\(name)"
  }

  private func definition(_ type: TypeSchema, _ name: String) -> JSONValue {
    guard type.hasPointers, case .given(let schema) = type.node else { return value(type.node) }
    return SchemaPointers.moved(schema, to: Self.pointer(name))
  }
}

/// Pointers of a schema into itself.
enum SchemaPointers {
  /// Keywords whose values are names and schemas, and those whose values are no schemas.
  private static let maps: Set<String> = ["properties", "$defs", "definitions"]
  private static let values: Set<String> = ["enum", "const", "default", "examples", "example"]

  /// The schema as it is where it is a part of another one.
  static func moved(_ schema: JSONValue, to place: String) -> JSONValue {
    switch schema {
    case .array(let schemas): return .array(schemas.map { moved($0, to: place) })
    case .object(let fields):
      return .object(
        JSONObject(
          fields.members.map { key, value in
            if key == "$ref", let target = value.stringValue, target.hasPrefix("#") {
              return (key, .string(place + target.dropFirst()))
            }
            if Self.values.contains(key) { return (key, value) }
            guard Self.maps.contains(key), let schemas = value.objectValue else {
              return (key, moved(value, to: place))
            }
            return (key, .object(JSONObject(schemas.members.map { ($0.key, moved($0.value, to: place)) })))
          }))
    default: return schema
    }
  }

  static func areIn(_ schema: JSONValue) -> Bool { moved(schema, to: "#/elsewhere") != schema }
}
