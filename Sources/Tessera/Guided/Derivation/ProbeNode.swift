/// What a decoder that was asked for values has noted, of one JSON value.
final class ProbeNode {
  enum Content {
    case node(SchemaNode)
    case probe(ProbeNode)

    func schema(at place: CodingPlace) throws -> SchemaNode {
      switch self {
      case .node(let node): node
      case .probe(let probe): try probe.schema(at: place)
      }
    }
  }

  enum Form: String {
    case object = "an object"
    case array = "an array"
    case value = "one value"
  }

  private(set) var form: Form?
  private var members: [(key: any CodingKey, value: Content, isRequired: Bool)] = []
  var items: [Content] = []
  /// How many items had been taken when it was asked for the first time whether there are more.
  var itemsBeforeEnd: Int?

  /// - Throws: `GuidedError` where it is another form already.
  func take(_ form: Form, at place: CodingPlace) throws {
    if let known = self.form, known != form || form == .value {
      throw GuidedError.underivable(
        place, "it is decoded from \(known.rawValue) and from \(form.rawValue). \(SchemaDeriver.remedy)")
    }
    self.form = form
  }

  func add(_ key: any CodingKey, _ value: Content, isRequired: Bool) { members.append((key, value, isRequired)) }

  func schema(at place: CodingPlace) throws -> SchemaNode {
    switch form {
    case .value: return try items.first?.schema(at: place) ?? .given(true)
    case .array:
      let nodes = try items.map { try $0.schema(at: place.elements) }
      return itemsBeforeEnd == 0 && nodes.count == 1 ? .list(nodes[0]) : .tuple(nodes)
    case .object, nil:
      var result: [SchemaNode.Member] = []
      for member in members {
        let (key, place) = (member.key.stringValue, place.appending(member.key))
        let node = try member.value.schema(at: place)
        guard let known = result.firstIndex(where: { $0.key == key }) else {
          result.append(.init(key: key, value: node, isRequired: member.isRequired))
          continue
        }
        guard result[known].value == node else {
          throw GuidedError.underivable(place, "it is decoded in two ways. \(SchemaDeriver.remedy)")
        }
        result[known].isRequired = result[known].isRequired || member.isRequired
      }
      return .object(result)
    }
  }
}

/// What the containers of one type's decoder share.
final class Probe {
  let deriver: SchemaDeriver
  /// The only key of the type's object, where it goes by that.
  let choice: String?
  /// The keys that it may go by.
  var choices: [any CodingKey]?
  /// The first reason why no schema can be derived; the type may have taken no notice of the error.
  private(set) var refusal: GuidedError?
  /// The value that is to be another one than usual.
  private let variation: Variation?
  /// How many values have been asked for.
  private var asked = 0
  /// What was asked for where it is another one: the place, the value if there is one, and how many there are.
  private(set) var varied: (place: CodingPlace, value: Any?, count: Int)?

  /// One of the values that are asked for, in order, and one of those that it may be instead.
  struct Variation {
    var ask = 0
    var other = 0
  }

  init(_ deriver: SchemaDeriver, choice: String?, _ variation: Variation?) {
    (self.deriver, self.choice, self.variation) = (deriver, choice, variation)
  }

  /// The value that stands here for the usual one.
  private func variation(at place: CodingPlace, of others: () -> [Any]) -> Any? {
    defer { asked += 1 }
    guard let variation, variation.ask == asked else { return nil }
    let others = others()
    let value = variation.other < others.count ? others[variation.other] : nil
    varied = (place, value, others.count)
    return value
  }

  /// Notes what cannot be derived.
  func noting<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as GuidedError {
      refusal = refusal ?? error
      throw error
    }
  }

  /// Notes that a type looks at what is there, which no schema says.
  func refuseLooking(at place: CodingPlace, _ what: String) {
    refusal = refusal ?? .underivable(place, "what is decoded depends on \(what). \(SchemaDeriver.remedy)")
  }

  /// A value, whose schema is added to a node.
  func value<T: Decodable>(of type: T.Type, at place: CodingPlace, _ add: (SchemaNode) throws -> Void) throws -> T {
    try noting {
      try add(try deriver.node(of: type, at: place))
      if let other = variation(at: place, of: { deriver.others(of: type, at: place) }) as? T { return other }
      return try deriver.value(of: type, at: place)
    }
  }

  /// A value that may be left out, as it is, and whose schema is added to a node.
  func optional<T: Decodable>(_ type: T.Type, at place: CodingPlace, _ add: (SchemaNode) throws -> Void) throws -> T? {
    try noting {
      try add(try deriver.node(of: type, at: place))
      return variation(at: place, of: { deriver.all(of: type, at: place) }) as? T
    }
  }
}
