import Foundation
import TesseraJSON
import TesseraText

/// Derives the JSON schema of a type by decoding it from values that stand for all.
///
/// A type within arrays, dictionaries and optionals is only named there, and looked at later: a type may hold itself. Where one needs a
/// value of another, that one comes first.
final class SchemaDeriver {
  /// A type needs a value of itself.
  struct Endless: Error {
    let type: String
  }

  /// Types of one schema, and types within each other, at most: generic ones may be endlessly many.
  private static let typeLimit = 1_000
  private static let depthLimit = 50

  private var types: [ObjectIdentifier: TypeSchema] = [:]
  /// Of each type a value that can be decoded from its schema.
  private var values: [ObjectIdentifier: Any] = [:]
  /// Types that are being looked at.
  private var open = Set<ObjectIdentifier>()
  private var waiting: [(type: any Decodable.Type, place: CodingPlace)] = []
  private var found = Set<ObjectIdentifier>()

  private init() {}

  /// - Throws: `GuidedError` `.underivable`.
  static func schema(of type: any Decodable.Type) throws -> JSONValue {
    let deriver = SchemaDeriver()
    let root = try deriver.node(of: type, at: CodingPlace(root: "\(type)"))
    while let next = deriver.waiting.popLast() {
      do { try deriver.derive(next.type, at: next.place) } catch let endless as Endless {
        throw GuidedError.underivable(
          next.place, "every \(endless.type) holds another one; make it optional, or an array, somewhere on the way")
      }
    }
    return SchemaWriter.schema(root, deriver.types)
  }

  /// The schema of a type, which is looked at later where it has members.
  func node(of type: any Decodable.Type, at place: CodingPlace) throws -> SchemaNode {
    guard place.keys.count <= Self.depthLimit else {
      throw GuidedError.underivable(place, "its types are more than \(Self.depthLimit) deep")
    }
    if !(type is any JSONSchemaProviding.Type) {
      if let scalar = KnownTypes.scalar(type) { return .given(scalar.schema) }
      switch type {
      case let type as any OptionalType.Type: return .optional(try node(of: type.codedWrapped, at: place))
      case let type as any ListType.Type: return .list(try node(of: type.codedElement, at: place.elements))
      case let type as any MapType.Type:
        guard type.codedKey == String.self else {
          throw GuidedError.underivable(
            place, "the keys of a dictionary must be strings, and these are \(type.codedKey)")
        }
        return .map(try node(of: type.codedValue, at: place.elements))
      default: break
      }
    }
    let id = ObjectIdentifier(type)
    if found.insert(id).inserted {
      guard found.count <= Self.typeLimit else {
        throw GuidedError.underivable(place, "it is made of more than \(Self.typeLimit) types")
      }
      waiting.append((type, place))
    }
    return .type(id)
  }

  /// A value of a type.
  func value<T: Decodable>(of type: T.Type, at place: CodingPlace) throws -> T {
    let id = ObjectIdentifier(type)
    let isProviding = type is any JSONSchemaProviding.Type
    if !isProviding {
      let simple: Any? =
        switch type {
        case let type as any OptionalType.Type: type.none
        case let type as any ListType.Type: type.init()
        case let type as any MapType.Type: type.init()
        default: KnownTypes.scalar(type)?.value
        }
      if let value = simple as? T { return value }
    }
    if let value = values[id] as? T { return value }
    guard !open.contains(id) else { throw Endless(type: "\(type)") }
    try derive(type, at: place)
    if let value = values[id] as? T { return value }
    let value = try shortestValue(of: type, at: place)
    values[id] = value
    return value
  }

  // MARK: One type

  private func derive<T: Decodable>(_ type: T.Type, at place: CodingPlace) throws {
    let id = ObjectIdentifier(type)
    guard types[id] == nil, open.insert(id).inserted else { return }
    defer { open.remove(id) }
    let name = "\(type)"
    if let provider = type as? any JSONSchemaProviding.Type {
      let schema = try given(by: provider, at: place)
      types[id] = TypeSchema(name: name, node: .given(schema), hasPointers: SchemaPointers.areIn(schema))
    } else if let cases = KnownTypes.cases(of: type) {
      types[id] = TypeSchema(name: name, node: .given(["enum": .array(cases.values)]))
      values[id] = cases.first
    } else {
      let node =
        switch try probe(type, at: place) {
        case .node(let node): node
        case .choice(let keys): try choice(type, keys, at: place)
        }
      types[id] = TypeSchema(name: name, node: node)
    }
  }

  private func given(by type: any JSONSchemaProviding.Type, at place: CodingPlace) throws -> JSONValue {
    var options = JSONOptions.request
    options.roundsLargeIntegers = true
    do { return try JSONValue(parsing: type.jsonSchema, options: options) } catch {
      throw GuidedError.underivable(place, "what \(type).jsonSchema says is no JSON: \(error)")
    }
  }

  /// The value of the shortest document that a type's own schema allows.
  private func shortestValue<T: Decodable>(of type: T.Type, at place: CodingPlace) throws -> T {
    guard let schema = types[ObjectIdentifier(type)], case .given(let value) = schema.node else {
      throw Endless(type: "\(type)")
    }
    let text = try Grammar.jsonSchema(value.text()).shortestText()
    do { return try JSONDecoder.guided.decode(type, from: Data(text)) } catch {
      throw GuidedError.underivable(
        place, "\(type) refuses \(String(decoding: text, as: UTF8.self)), which its jsonSchema allows: \(error)")
    }
  }

  private enum Found {
    case node(SchemaNode)
    /// It goes by which key is there, of these.
    case choice([any CodingKey])
  }

  /// Decodes a type, of which `choice` is the only key, from values that stand for all.
  private func probe<T: Decodable>(_ type: T.Type, at place: CodingPlace, choice: String? = nil) throws -> Found {
    let (probe, root) = (Probe(self, choice: choice), ProbeNode())
    var failure: (any Error)?
    do {
      let value = try type.init(from: ProbeDecoder(probe: probe, node: root, place: place))
      if probe.refusal == nil, probe.choices == nil { values[ObjectIdentifier(type)] = value }
    } catch { failure = error }
    if let refusal = probe.refusal { throw refusal }
    if let choices = probe.choices { return .choice(choices) }
    switch failure {
    case nil: return .node(try root.schema(at: place))
    case let endless as Endless: throw endless
    case let error?:
      throw GuidedError.underivable(
        place, "\(type) refuses the values that stand for all (\(error)). \(Self.remedy)")
    }
  }

  static let remedy =
    "Enumerations need raw values and CaseIterable, those with associated values coding keys that are CaseIterable; else "
    + "conform the type to JSONSchemaProviding"

  /// The schema of a type that has one of several keys: an enumeration with associated values.
  private func choice<T: Decodable>(_ type: T.Type, _ keys: [any CodingKey], at place: CodingPlace) throws -> SchemaNode
  {
    var nodes = [SchemaNode?](repeating: nil, count: keys.count)
    var endless: Endless?
    // A case that holds the type itself needs the value of another one.
    while nodes.contains(nil) {
      let before = nodes
      for (index, key) in keys.enumerated() where nodes[index] == nil {
        do {
          guard case .node(.object(var members)) = try probe(type, at: place, choice: key.stringValue),
            members.map(\.key) == [key.stringValue]
          else {
            throw GuidedError.underivable(
              place, "with the key \(key.stringValue) alone \(type) is not decoded from that key alone. \(Self.remedy)")
          }
          members[0].isRequired = true
          nodes[index] = .object(members)
        } catch let error as Endless { endless = error }
      }
      if nodes == before, let endless { throw endless }
    }
    return .choice(nodes.compactMap { $0 })
  }
}
