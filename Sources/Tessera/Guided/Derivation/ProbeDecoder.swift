/// Hands out values that stand for all, and notes what is asked for.
struct ProbeDecoder: Decoder {
  let probe: Probe
  let node: ProbeNode
  let place: CodingPlace
  /// Whether it is the type's own, and not one for a part of its JSON.
  var isWhole = true

  var codingPath: [any CodingKey] { place.keys }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    try probe.noting { try node.take(.object, at: place) }
    return KeyedDecodingContainer(ProbeKeyedContainer(probe: probe, node: node, place: place, isWhole: isWhole))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try probe.noting { try node.take(.array, at: place) }
    return ProbeUnkeyedContainer(probe: probe, node: node, place: place)
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    ProbeValueContainer(probe: probe, node: node, place: place)
  }
}

struct ProbeValueContainer: SingleValueDecodingContainer {
  let probe: Probe
  let node: ProbeNode
  let place: CodingPlace

  var codingPath: [any CodingKey] { place.keys }

  func decodeNil() -> Bool {
    probe.refuseLooking(at: place, "whether it is null (decodeNil)")
    return false
  }

  func decode<T: Decodable>(_ type: T.Type) throws -> T { try value(type) }
  // The protocol has defaults of these, which refuse.
  func decode(_ type: Int128.Type) throws -> Int128 { try value(type) }
  func decode(_ type: UInt128.Type) throws -> UInt128 { try value(type) }

  private func value<T: Decodable>(_ type: T.Type) throws -> T {
    try probe.noting { try node.take(.value, at: place) }
    return try probe.value(of: type, at: place) { node.items = [.node($0)] }
  }
}

struct ProbeUnkeyedContainer: UnkeyedDecodingContainer {
  let probe: Probe
  let node: ProbeNode
  let place: CodingPlace

  /// The most items that are taken one by one.
  private static let itemLimit = 64

  var codingPath: [any CodingKey] { place.keys }
  var currentIndex: Int { node.items.count }

  var count: Int? {
    probe.refuseLooking(at: place, "how many items there are (count)")
    return 1
  }

  /// An array that is read to its end has one item here.
  var isAtEnd: Bool {
    if node.itemsBeforeEnd == nil { node.itemsBeforeEnd = currentIndex }
    return currentIndex > 0
  }

  func decodeNil() throws -> Bool {
    probe.refuseLooking(at: place, "whether an item is null (decodeNil)")
    return false
  }

  private func add(_ content: ProbeNode.Content) throws {
    guard node.itemsBeforeEnd == nil || node.items.isEmpty else {
      throw DecodingError.valueNotFound(
        Any.self, .init(codingPath: codingPath, debugDescription: "the array is at its end"))
    }
    guard node.items.count < Self.itemLimit else {
      try probe.noting {
        throw GuidedError.underivable(
          place, "more than \(Self.itemLimit) items are decoded without a look at whether there are more (isAtEnd)")
      }
      return
    }
    node.items.append(content)
  }

  func decode<T: Decodable>(_ type: T.Type) throws -> T { try value(type) }
  // The protocol has defaults of these, which refuse.
  func decode(_ type: Int128.Type) throws -> Int128 { try value(type) }
  func decode(_ type: UInt128.Type) throws -> UInt128 { try value(type) }

  private func value<T: Decodable>(_ type: T.Type) throws -> T {
    try probe.value(of: type, at: place.elements) { try add(.node($0)) }
  }

  private func part(_ form: ProbeNode.Form) throws -> ProbeNode {
    let part = ProbeNode()
    try part.take(form, at: place.elements)
    try add(.probe(part))
    return part
  }

  func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    let part = try part(.object)
    return KeyedDecodingContainer(ProbeKeyedContainer(probe: probe, node: part, place: place.elements, isWhole: false))
  }

  func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    ProbeUnkeyedContainer(probe: probe, node: try part(.array), place: place.elements)
  }

  func superDecoder() throws -> any Decoder {
    let part = ProbeNode()
    try add(.probe(part))
    return ProbeDecoder(probe: probe, node: part, place: place.elements, isWhole: false)
  }
}
