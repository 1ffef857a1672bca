/// A part of a grammar as its reader has it.
indirect enum GrammarNode: Equatable, Sendable {
  case empty
  /// One character of a set.
  case scalars(ScalarSet)
  /// One character of a set, within a JSON string: as it is, or by the shortest escape where it must be escaped.
  case jsonScalars(ScalarSet)
  case text([UInt8])
  /// One byte of a set.
  case bytes(ByteSet)
  /// One of several texts.
  case oneOf([[UInt8]])
  case sequence([GrammarNode])
  /// One of several; of none nothing is possible.
  case choice([GrammarNode])
  case repeated(GrammarNode, GrammarBuilder.Count)
  case rule(Int)
  /// The beginning or the end of the text, in a regular expression.
  case edge(isStart: Bool)

  /// Nothing is possible.
  static let never = GrammarNode.choice([])

  static func text(_ text: String) -> GrammarNode { .text(Array(text.utf8)) }
  static func set(_ ranges: ClosedRange<UInt32>...) -> GrammarNode { .scalars(ScalarSet(ranges)) }
  static func set(_ characters: String) -> GrammarNode { .scalars(ScalarSet(characters)) }
  static func optional(_ node: GrammarNode) -> GrammarNode { .repeated(node, .init(least: 0, most: 1)) }
  static func repeated(_ node: GrammarNode, _ least: Int, _ most: Int?) -> GrammarNode {
    .repeated(node, .init(least: least, most: most))
  }
}

/// Rules by their numbers, made one after another.
struct GrammarRules {
  private(set) var bodies: [GrammarNode?] = []
  private var names: [String?] = []
  /// The most rules.
  static let limit = 50_000

  /// A new rule, whose body comes later.
  mutating func declare(_ name: String? = nil) throws(GrammarError) -> Int {
    guard bodies.count < Self.limit else {
      throw GrammarError(.tooComplex, "the grammar has more than \(Self.limit) rules: make it smaller")
    }
    bodies.append(nil)
    names.append(name)
    return bodies.count - 1
  }

  mutating func define(_ rule: Int, _ body: GrammarNode) { bodies[rule] = body }

  mutating func add(_ body: GrammarNode) throws(GrammarError) -> GrammarNode {
    let rule = try declare()
    define(rule, body)
    return .rule(rule)
  }

  func isDefined(_ rule: Int) -> Bool { bodies[rule] != nil }

  /// The grammar whose texts are those of a node.
  /// - Parameter given: a rule that has been declared, and the grammar whose texts are its.
  func grammar(_ root: GrammarNode, with given: (rule: Int, grammar: Grammar)? = nil) throws(GrammarError) -> Grammar {
    var builder = GrammarBuilder()
    var starts: [Int] = []
    for name in names { starts.append(try builder.rule(name)) }
    if let given { starts[given.rule] = try builder.add(given.grammar) }
    for (start, body) in zip(starts, bodies) {
      guard let body else { continue }
      builder.end(try builder.add(body, starts, from: start))
    }
    let start = try builder.rule()
    builder.end(try builder.add(root, starts, from: start))
    return try Grammar(builder, start: start)
  }
}

extension GrammarBuilder {
  /// Adds a node; its rules begin at `starts`.
  mutating func add(_ node: GrammarNode, _ starts: [Int], from place: Int) throws(GrammarError) -> Int {
    switch node {
    case .empty, .edge: return place
    case .scalars(let set): return try scalar(of: set, .plain, from: place)
    case .jsonScalars(let set): return try scalar(of: set, .json, from: place)
    case .text(let bytes): return try literal(bytes, from: place)
    case .bytes(let set): return try bytes(set, from: place)
    case .oneOf(let texts): return try oneOf(texts, from: place)
    case .sequence(let parts):
      var place = place
      for part in parts { place = try add(part, starts, from: place) }
      return place
    case .choice(let options):
      // Loops in an option must not lead back to where others begin.
      let end = try self.node()
      for option in options {
        let last = try add(option, starts, from: place)
        try add(.empty(to: end), from: last)
      }
      return end
    case .repeated(let body, let count):
      return try repeated(count, from: place) { builder, place throws(GrammarError) in
        try builder.add(body, starts, from: place)
      }
    case .rule(let rule): return try call(starts[rule], from: place)
    }
  }
}
