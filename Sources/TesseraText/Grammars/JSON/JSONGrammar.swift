import TesseraJSON

/// The parts of JSON texts (RFC 8259), on one line: behind `:` and `,` may stand a space, and nowhere else.
struct JSONGrammar {
  /// Digits of an integer, and of what is behind a number's point, at most.
  static let integerDigits = 16
  static let fractionDigits = 20

  static let colon = separator(":")
  static let comma = separator(",")

  private static func separator(_ text: String) -> GrammarNode {
    .sequence([.text(text), .optional(.text(" "))])
  }

  static let hex = GrammarNode.set(0x30...0x39, 0x41...0x46, 0x61...0x66)
  static let digit = GrammarNode.set(0x30...0x39)
  static let nonzeroDigit = GrammarNode.set(0x31...0x39)
  /// A character of a string, however it is written.
  static let character = GrammarNode.choice([
    .scalars(ScalarSet([0...0x1F, 0x22...0x22, 0x5C...0x5C]).complement),
    .sequence([.text("\\"), .set("\"\\/bfnrt")]),
    .sequence([
      .text("\\u"),
      .choice([
        .sequence([.set("0123456789abcefABCEF"), .repeated(hex, 3, 3)]),
        .sequence([.set("dD"), .set("01234567"), hex, hex]),
        .sequence([.set("dD"), .set("89abAB"), hex, hex, .text("\\u"), .set("dD"), .set("cdefCDEF"), hex, hex]),
      ]),
    ]),
  ])
  /// Any character, by its shortest escape.
  static let plainCharacter = GrammarNode.jsonScalars(.all)

  static func quoted(_ content: GrammarNode) -> GrammarNode { .sequence([.text("\""), content, .text("\"")]) }

  static let string = quoted(.repeated(character, 0, nil))
  static let boolean = GrammarNode.choice([.text("true"), .text("false")])
  static let null = GrammarNode.text("null")
  /// An integer from 0 on.
  static let natural = GrammarNode.choice([
    .text("0"), .sequence([nonzeroDigit, .repeated(digit, 0, integerDigits - 1)]),
  ])
  static let integer = GrammarNode.sequence([.optional(.text("-")), natural])
  static let fraction = GrammarNode.sequence([.text("."), .repeated(digit, 1, fractionDigits)])
  /// No number becomes infinite by its exponent.
  static let exponent = GrammarNode.sequence([
    .set("eE"),
    .choice([
      .sequence([.optional(.text("+")), .repeated(digit, 1, 2)]), .sequence([.text("-"), .repeated(digit, 1, 3)]),
    ]),
  ])
  static let number = GrammarNode.sequence([integer, .optional(fraction), .optional(exponent)])
  /// Numbers that are finite in 32 bits.
  static let float = GrammarNode.sequence([integer, .optional(fraction)])
  /// Numbers that are finite in 64 bits, none but 0 itself so small that it is 0. Foundation refuses 0e5.
  static let double = GrammarNode.sequence([
    .optional(.text("-")),
    .choice([
      .sequence([.text("0"), .optional(fraction)]),
      .sequence([
        nonzeroDigit, .repeated(digit, 0, integerDigits - 1), .optional(fraction),
        .optional(.sequence([.set("eE"), .optional(.set("+-")), .repeated(digit, 1, 2)])),
      ]),
    ]),
  ])

  var rules = GrammarRules()
  private var value: (any: GrammarNode, object: GrammarNode)?

  /// Any object.
  mutating func object() throws(GrammarError) -> GrammarNode { try values().object }
  /// Any value.
  mutating func any() throws(GrammarError) -> GrammarNode { try values().any }

  private mutating func values() throws(GrammarError) -> (any: GrammarNode, object: GrammarNode) {
    if let value { return value }
    let any = GrammarNode.rule(try rules.declare())
    let string = try rules.add(Self.string)
    let object = try rules.add(
      Self.enclosed("{", .sequence([string, Self.colon, any]), .init(least: 0, most: nil), "}"))
    let array = try rules.add(Self.enclosed("[", any, .init(least: 0, most: nil), "]"))
    if case .rule(let rule) = any {
      rules.define(rule, .choice([object, array, string, Self.number, Self.boolean, Self.null]))
    }
    value = (any, object)
    return (any, object)
  }

  /// Items with commas between them.
  static func enclosed(
    _ opening: String, _ item: GrammarNode, _ count: GrammarBuilder.Count, _ closing: String
  ) -> GrammarNode {
    if count.most == 0 { return .text(opening + closing) }
    let rest = GrammarNode.repeated(.sequence([comma, item]), max(0, count.least - 1), count.most.map { $0 - 1 })
    let items = GrammarNode.sequence([item, rest])
    return .sequence([.text(opening), count.least == 0 ? .optional(items) : items, .text(closing)])
  }

  /// The text of one value.
  static func literal(_ value: JSONValue) -> GrammarNode {
    switch value {
    case .string(let text): .text(GrammarBuilder.json(text))
    case .array(let elements):
      .sequence([.text("[")] + elements.map(literal).separated() + [.text("]")])
    case .object(let object):
      .sequence(
        [.text("{")]
          + object.members.map { .sequence([.text(GrammarBuilder.json($0.key)), colon, literal($0.value)]) }.separated()
          + [.text("}")])
    default: .text(value.text())
    }
  }

  /// One of several values.
  static func literals(_ values: [JSONValue]) -> GrammarNode {
    var (texts, others): ([[UInt8]], [GrammarNode]) = ([], [])
    for value in values {
      switch value {
      case .string(let text): texts.append(GrammarBuilder.json(text))
      case .array, .object: others.append(literal(value))
      default: texts.append(Array(value.text().utf8))
      }
    }
    return .choice((texts.isEmpty ? [] : [.oneOf(texts)]) + others)
  }
}

extension [GrammarNode] {
  fileprivate func separated() -> [GrammarNode] {
    Array(map { [$0] }.joined(separator: [JSONGrammar.comma]))
  }
}
