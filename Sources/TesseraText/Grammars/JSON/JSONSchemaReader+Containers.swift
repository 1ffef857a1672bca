import TesseraJSON

extension JSONSchemaReader {
  // MARK: Arrays

  mutating func array(_ fields: JSONObject, at place: String) throws(GrammarError) -> GrammarNode {
    if fields["uniqueItems"] == true {
      throw Self.error(.unsupported, at: place, "'uniqueItems' cannot be guaranteed: leave it out")
    }
    let count = try counts("minItems", "maxItems", of: fields, at: place)
    if let most = count.most, most < count.least { return .never }
    if fields["items"]?.arrayValue != nil {
      throw Self.error(.unsupported, at: place, "a list of schemas is called 'prefixItems', not 'items'")
    }
    let prefix = try array("prefixItems", of: fields, at: place) ?? []
    try spend(prefix.count, at: place)
    let item = fields["items"] == false ? nil : try json.rules.add(node(fields["items"] ?? true, at: "\(place)/items"))
    guard !prefix.isEmpty else {
      guard let item else { return count.least == 0 ? .text("[]") : .never }
      return JSONGrammar.enclosed("[", item, count, "]")
    }
    // What follows so many items, from the last one backwards.
    var tail = GrammarNode.empty
    if let item {
      let most = count.most.map { max(0, $0 - prefix.count) }
      tail = .repeated(.sequence([JSONGrammar.comma, item]), max(0, count.least - prefix.count), most)
    } else if count.least > prefix.count {
      return .never
    }
    for (index, schema) in prefix.enumerated().reversed() {
      if let most = count.most, index >= most {
        tail = .empty
        continue
      }
      let item = try node(schema, at: "\(place)/prefixItems/\(index)")
      let items = GrammarNode.sequence([index == 0 ? .empty : JSONGrammar.comma, item, tail])
      tail = try json.rules.add(index >= count.least ? .optional(items) : items)
    }
    return .sequence([.text("["), tail, .text("]")])
  }

  // MARK: Objects

  mutating func object(_ fields: JSONObject, at place: String) throws(GrammarError) -> GrammarNode {
    let properties =
      try field("properties", of: fields, at: place, "an object") { $0.objectValue } ?? JSONObject()
    var required: [String] = []
    var isRequired = Set<ScalarString>()
    try spend(fields["required"], at: place)
    for name in try array("required", of: fields, at: place) ?? [] {
      guard let name = name.stringValue else {
        throw Self.error(.malformed, at: place, "'required' should be an array of strings")
      }
      if isRequired.insert(ScalarString(name)).inserted { required.append(name) }
    }
    let additional = fields["additionalProperties"]
    try spend(properties.keys.reduce(0) { $0 + SchemaValue.weight(of: $1) }, at: place)
    var all = properties
    for name in required where all[name] == nil { all[name] = additional ?? true }
    try checkCounts(
      fields, listed: all.count, required: required.count, isOpen: additional ?? false != false, at: place)
    guard !all.isEmpty else { return try map(fields, additional, at: place) }

    var others: GrammarNode?
    if let additional, additional != false {
      let key = try JSONKeys.excluding(all.keys, &json.rules)
      let value = try node(additional, at: "\(place)/additionalProperties")
      others = try json.rules.add(.sequence([key, JSONGrammar.colon, value]))
    }
    // What follows behind members, and where none came before.
    var later = others.map { GrammarNode.repeated(.sequence([JSONGrammar.comma, $0]), 0, nil) } ?? .empty
    var first = others.map { GrammarNode.optional(.sequence([$0, later])) } ?? .empty
    for (name, schema) in all.members.reversed() {
      let value = try node(schema, at: "\(place)/properties/\(name)")
      let member = try json.rules.add(
        .sequence([.text(GrammarBuilder.json(name)), JSONGrammar.colon, value]))
      let isOptional = !isRequired.contains(ScalarString(name))
      let here = GrammarNode.sequence([member, later])
      first = try json.rules.add(.choice([here] + (isOptional ? [first] : [])))
      later = try json.rules.add(
        .choice([.sequence([JSONGrammar.comma, here])] + (isOptional ? [later] : [])))
    }
    return .sequence([.text("{"), first, .text("}")])
  }

  /// An object that lists no members.
  private mutating func map(_ fields: JSONObject, _ additional: JSONValue?, at place: String) throws(GrammarError)
    -> GrammarNode
  {
    let count = try counts("minProperties", "maxProperties", of: fields, at: place)
    if let most = count.most, most < count.least { return .never }
    // Without anything about its members it is any object.
    let isAny = additional ?? (fields["properties"] == nil ? true : false)
    if isAny == false { return count.least == 0 ? .text("{}") : .never }
    if isAny == true, count == .init(least: 0, most: nil) { return try json.object() }
    let value = try node(isAny, at: "\(place)/additionalProperties")
    let member = try json.rules.add(.sequence([JSONGrammar.string, JSONGrammar.colon, value]))
    return JSONGrammar.enclosed("{", member, count, "}")
  }

  /// Refuses counts of members that do not hold by themselves: a name that comes twice is one member.
  private func checkCounts(
    _ fields: JSONObject, listed: Int, required: Int, isOpen: Bool, at place: String
  ) throws(GrammarError) {
    let count = try counts("minProperties", "maxProperties", of: fields, at: place)
    guard count.least <= max(required, listed == 0 ? 1 : 0) else {
      throw Self.error(
        .unsupported, at: place, "'minProperties' cannot be guaranteed: list the members and say which are required")
    }
    guard listed == 0 || count.most.map({ $0 >= listed && !isOpen }) ?? true else {
      throw Self.error(.unsupported, at: place, "'maxProperties' beside 'properties' cannot be guaranteed")
    }
  }
}

/// Names of members.
enum JSONKeys {
  /// A string that is none of some names. Its characters are written in one way alone.
  static func excluding(_ names: [String], _ rules: inout GrammarRules) throws(GrammarError) -> GrammarNode {
    /// A beginning of names.
    struct Place {
      var next: [(scalar: UInt32, place: Int)] = []
      var isName = false
    }
    var places = [Place()]
    for name in names {
      var place = 0
      for scalar in name.unicodeScalars {
        if let known = places[place].next.first(where: { $0.scalar == scalar.value }) {
          place = known.place
        } else {
          places.append(Place())
          places[place].next.append((scalar.value, places.count - 1))
          place = places.count - 1
        }
      }
      places[place].isName = true
    }
    var numbers: [Int] = []
    for _ in places { numbers.append(try rules.declare()) }
    for (place, number) in zip(places, numbers) {
      let taken = ScalarSet(place.next.map { $0.scalar...$0.scalar })
      var options: [GrammarNode] = place.isName ? [] : [.text("\"")]
      options.append(
        .sequence([
          .jsonScalars(taken.complement), .repeated(JSONGrammar.plainCharacter, 0, nil), .text("\""),
        ]))
      for (scalar, next) in place.next {
        options.append(.sequence([.jsonScalars(ScalarSet(scalar...scalar)), .rule(numbers[next])]))
      }
      rules.define(number, .choice(options))
    }
    return .sequence([.text("\""), .rule(numbers[0])])
  }
}
