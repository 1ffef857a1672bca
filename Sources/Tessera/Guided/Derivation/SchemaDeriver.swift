import Foundation
import TesseraJSON
import TesseraText

/// Derives the JSON schema of a type by decoding it from values that stand for all.
///
/// A type within arrays, dictionaries and optionals is only named there, and looked at later: a type may hold itself. Where one needs a
/// value of another, that one comes first. At the end each type is decoded again with one of its values after the other changed: if
/// then it asks for something else, or refuses it, no schema of members says what it is decoded from.
final class SchemaDeriver {
  /// A type needs a value of itself.
  struct Endless: Error {
    let type: String
  }

  /// Types of one schema, and types within each other, at most: generic ones may be endlessly many.
  private static let typeLimit = 1_000
  private static let depthLimit = 50
  /// Decodings of a type with other values, and values of a type that are kept for that, at most.
  private static let variationLimit = 1_000
  private static let sampleLimit = 64

  private var types: [ObjectIdentifier: TypeSchema] = [:]
  /// Of each type a value that can be decoded from its schema.
  private var values: [ObjectIdentifier: Any] = [:]
  /// Values of types that are no scalars, of unlike kinds where they have such.
  private var samples: [ObjectIdentifier: [Any]] = [:]
  /// What was decoded, those that are parts of others first.
  private var probed: [Probed] = []
  /// Types that are being looked at.
  private var open = Set<ObjectIdentifier>()
  private var waiting: [(type: any Decodable.Type, place: CodingPlace)] = []
  private var found = Set<ObjectIdentifier>()

  private struct Probed {
    let type: any Decodable.Type
    let place: CodingPlace
    let choice: String?
    let node: SchemaNode
  }

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
    for probed in deriver.probed { try deriver.checkVariations(of: probed.type, probed) }
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

  /// Other values of a type, as far as they are known.
  func others(of type: any Decodable.Type, at place: CodingPlace) -> [Any] {
    guard !(type is any JSONSchemaProviding.Type) else { return [] }
    if let scalar = KnownTypes.scalar(type) { return scalar.others }
    guard let type = type as? any HoldingType.Type else { return samples[ObjectIdentifier(type)] ?? [] }
    return all(of: type.codedHeld, at: place).compactMap { type.holding($0) }
  }

  func all(of type: any Decodable.Type, at place: CodingPlace) -> [Any] {
    func value<T: Decodable>(_ type: T.Type) -> [Any] { (try? self.value(of: type, at: place)).map { [$0] } ?? [] }
    return value(type) + others(of: type, at: place)
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
      values[id] = cases.cases.first
      samples[id] = Array(cases.cases.dropFirst())
    } else {
      let node =
        switch try probe(type, at: place) {
        case .node(let node):
          noted(type, node, at: place)
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
    let (probe, root) = (Probe(self, choice: choice, nil), ProbeNode())
    let value = decode(type, probe, root, at: place)
    if let refusal = probe.refusal { throw refusal }
    if let choices = probe.choices { return .choice(choices) }
    switch value {
    case .success(let value):
      if root.form == .value, value is any RawRepresentable, Mirror(reflecting: value).displayStyle == .enum {
        throw GuidedError.underivable(place, "the cases of \(type) cannot be listed. \(Self.remedy)")
      }
      values[ObjectIdentifier(type)] = value
      return .node(try root.schema(at: place))
    case .failure(let endless as Endless): throw endless
    case .failure(let error):
      throw GuidedError.underivable(
        place, "\(type) refuses the values that stand for all (\(error)). \(Self.remedy)")
    }
  }

  /// Decodes a type, and keeps the value for those that hold it.
  private func decode<T: Decodable>(_ type: T.Type, _ probe: Probe, _ node: ProbeNode, at place: CodingPlace)
    -> Result<T, any Error>
  {
    let result = Result { try type.init(from: ProbeDecoder(probe: probe, node: node, place: place)) }
    let id = ObjectIdentifier(type)
    if case .success(let value) = result, probe.refusal == nil, probe.choices == nil,
      samples[id, default: []].count < Self.sampleLimit
    {
      samples[id, default: []].append(value)
    }
    return result
  }

  private func noted(_ type: any Decodable.Type, _ node: SchemaNode, at place: CodingPlace, choice: String? = nil)
    -> SchemaNode
  {
    probed.append(Probed(type: type, place: place, choice: choice, node: node))
    return node
  }

  /// Whether a type is decoded from the same whatever one of its values is.
  ///
  /// - Throws: `GuidedError` where it is not; `CancellationError`.
  private func checkVariations<T: Decodable>(of type: T.Type, _ expected: Probed) throws {
    var variation = Probe.Variation()
    for _ in 0..<Self.variationLimit {
      try Task.checkCancellation()
      let (probe, root) = (Probe(self, choice: expected.choice, variation), ProbeNode())
      let result = decode(type, probe, root, at: expected.place)
      guard let varied = probe.varied else { return }
      if let value = varied.value {
        if let refusal = probe.refusal { throw refusal }
        let shown = { "\(value)".prefix(60) }
        if case .failure(let error) = result {
          throw GuidedError.underivable(
            varied.place, "\(type) refuses some of its values, such as \(shown()) (\(error)). \(Self.remedy)")
        }
        guard probe.choices == nil, try root.schema(at: expected.place) == expected.node else {
          throw GuidedError.underivable(
            varied.place, "what else \(type) decodes depends on its value, such as \(shown()). \(Self.remedy)")
        }
      }
      variation.other += 1
      if variation.other >= varied.count { variation = .init(ask: variation.ask + 1) }
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
          _ = noted(type, .object(members), at: place, choice: key.stringValue)
          members[0].isRequired = true
          nodes[index] = .object(members)
        } catch let error as Endless { endless = error }
      }
      if nodes == before, let endless { throw endless }
    }
    return .choice(nodes.compactMap { $0 })
  }
}
