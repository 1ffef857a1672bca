/// An object's members.
struct ProbeKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let probe: Probe
  let node: ProbeNode
  let place: CodingPlace
  /// Whether it is the type's own object, and not a part of it.
  let isWhole: Bool

  var codingPath: [any CodingKey] { place.keys }

  /// The one key that an enumeration with associated values has.
  var allKeys: [Key] {
    if isWhole {
      if let choice = probe.choice { return Key(stringValue: choice).map { [$0] } ?? [] }
      if let keys = (Key.self as? any CaseIterable.Type)?.codingKeys {
        probe.choices = keys
        return []
      }
    }
    probe.refuseLooking(at: place, "which keys are there (allKeys)")
    return []
  }

  func contains(_ key: Key) -> Bool {
    probe.refuseLooking(at: place.appending(key), "whether it is there (contains)")
    return true
  }

  func decodeNil(forKey key: Key) throws -> Bool {
    probe.refuseLooking(at: place.appending(key), "whether it is null (decodeNil)")
    return false
  }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try value(type, key) }
  // The protocol has defaults of these, which refuse.
  func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try value(type, key) }
  func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try value(type, key) }

  private func value<T: Decodable>(_ type: T.Type, _ key: Key) throws -> T {
    try probe.value(of: type, at: place.appending(key)) { node.add(key, .node($0), isRequired: true) }
  }

  private func optional<T: Decodable>(_ type: T.Type, _ key: Key) throws -> T? {
    try probe.optional(type, at: place.appending(key)) { node.add(key, .node($0), isRequired: false) }
  }

  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? { try optional(type, key) }
  // The protocol has defaults of these, which look at what is there.
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try optional(type, key) }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try optional(type, key) }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try optional(type, key) }
  func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try optional(type, key) }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try optional(type, key) }
  func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try optional(type, key) }
  func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try optional(type, key) }
  func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try optional(type, key) }
  func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try optional(type, key) }
  func decodeIfPresent(_ type: Int128.Type, forKey key: Key) throws -> Int128? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt128.Type, forKey key: Key) throws -> UInt128? { try optional(type, key) }

  private func part(_ key: any CodingKey) -> ProbeNode {
    let part = ProbeNode()
    node.add(key, .probe(part), isRequired: true)
    return part
  }

  func nestedContainer<Part: CodingKey>(keyedBy type: Part.Type, forKey key: Key) throws -> KeyedDecodingContainer<Part>
  {
    let part = part(key)
    try part.take(.object, at: place.appending(key))
    return KeyedDecodingContainer(
      ProbeKeyedContainer<Part>(probe: probe, node: part, place: place.appending(key), isWhole: false))
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    let part = part(key)
    try part.take(.array, at: place.appending(key))
    return ProbeUnkeyedContainer(probe: probe, node: part, place: place.appending(key))
  }

  func superDecoder() throws -> any Decoder { decoder(of: CodingPlace.Super()) }
  func superDecoder(forKey key: Key) throws -> any Decoder { decoder(of: key) }

  private func decoder(of key: any CodingKey) -> any Decoder {
    ProbeDecoder(probe: probe, node: part(key), place: place.appending(key), isWhole: false)
  }
}
