/// Reads regular expressions of the kind that JSON Schema (ECMAScript) and Python share: classes, groups,
/// alternatives and repetitions. `\d`, `\w` and `\s` are ASCII's.
///
/// Refused by name, since what they allow is no regular language or not the same everywhere: back references,
/// conditions on what stands around (`(?=`, `(?<!`, `\b`), flags, possessive quantifiers and atomic groups.
struct RegularExpressionReader {
  private static let depthLimit = 100
  private static let lengthLimit = 20_000

  private let scalars: [Unicode.Scalar]
  private(set) var index = 0
  private var depth = 0

  init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

  /// The expression as it stands, with the edges that it names.
  static func read(_ pattern: String) throws(GrammarError) -> GrammarNode {
    var reader = RegularExpressionReader(pattern)
    guard reader.scalars.count <= lengthLimit else {
      throw GrammarError(
        .tooComplex, "the regular expression has \(reader.scalars.count) characters: at most \(lengthLimit) are read")
    }
    let node = try reader.alternatives()
    guard reader.index == reader.scalars.count else { throw reader.malformed("a ')' has no '(' before it") }
    return node
  }

  /// The grammar of all texts that an expression matches from their beginning to their end.
  static func grammar(_ pattern: String) throws(GrammarError) -> Grammar {
    try GrammarRules().grammar(read(pattern).withoutEdges(isSearch: false))
  }

  // MARK: Characters

  var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    index += 1
    return true
  }

  mutating func advance() -> Unicode.Scalar? {
    guard let scalar = next else { return nil }
    index += 1
    return scalar
  }

  func malformed(_ problem: String) -> GrammarError {
    GrammarError(.malformed, "the regular expression is wrong at character \(index): \(problem)")
  }

  func unsupported(_ problem: String) -> GrammarError {
    GrammarError(.unsupported, "the regular expression, at character \(index): \(problem)")
  }

  // MARK: Syntax

  private mutating func alternatives() throws(GrammarError) -> GrammarNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else {
      throw GrammarError(.tooComplex, "the regular expression nests groups more than \(Self.depthLimit) deep")
    }
    var options = [try sequence()]
    while take("|") { options.append(try sequence()) }
    return options.count == 1 ? options[0] : .choice(options)
  }

  private mutating func sequence() throws(GrammarError) -> GrammarNode {
    var parts: [GrammarNode] = []
    while let scalar = next, scalar != "|", scalar != ")" { parts.append(try quantified(atom())) }
    return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
  }

  private mutating func atom() throws(GrammarError) -> GrammarNode {
    guard let scalar = advance() else { return .empty }
    switch scalar {
    case "(": return try group()
    case "[": return .scalars(try characterClass())
    case ".": return .scalars(ScalarSet("\n\r\u{2028}\u{2029}").complement)
    case "^": return .edge(isStart: true)
    case "$": return .edge(isStart: false)
    case "*", "+", "?": throw malformed("a '\(scalar)' has nothing before it to repeat")
    case "\\":
      switch next {
      case "A", "Z": return .edge(isStart: advance() == "A")
      case "b", "B": throw unsupported("word boundaries ('\\b') cannot be guaranteed")
      case .some("1"..."9"), "k": throw unsupported("back references cannot be guaranteed")
      default: return .scalars(try escape().set)
      }
    default: return .scalars(ScalarSet(scalar))
    }
  }

  private mutating func group() throws(GrammarError) -> GrammarNode {
    if take("?") {
      guard let kind = advance() else { throw malformed("a '(' has no ')' after it") }
      switch kind {
      case ":": break
      case "P" where next == "<": try groupName()
      case "<" where next != "=" && next != "!":
        index -= 1
        try groupName()
      case "=", "!", "<": throw unsupported("conditions on what stands around ('(?\(kind)') cannot be guaranteed")
      case "P": throw unsupported("back references cannot be guaranteed")
      case ">": throw unsupported("atomic groups are not supported")
      default: throw unsupported("flags ('(?\(kind)') are not supported: write the letters of both cases in classes")
      }
    }
    let node = try alternatives()
    guard take(")") else { throw malformed("a '(' has no ')' after it") }
    return node
  }

  private mutating func groupName() throws(GrammarError) {
    _ = take("<")
    let start = index
    while let scalar = next, scalar.properties.isAlphabetic || scalar == "_" || ("0"..."9").contains(scalar) {
      index += 1
    }
    guard index > start, take(">") else { throw malformed("a group's name ends with no '>'") }
  }

  private mutating func quantified(_ atom: GrammarNode) throws(GrammarError) -> GrammarNode {
    guard let count = try quantifier() else { return atom }
    if case .edge = atom { throw malformed("an edge of the text is repeated") }
    // A lazy one allows the same texts.
    if !take("?"), next == "+" { throw unsupported("possessive quantifiers are not supported") }
    guard try quantifier() == nil else { throw malformed("two quantifiers follow each other") }
    return .repeated(atom, count)
  }

  private mutating func quantifier() throws(GrammarError) -> GrammarBuilder.Count? {
    if take("*") { return .init(least: 0, most: nil) }
    if take("+") { return .init(least: 1, most: nil) }
    if take("?") { return .init(least: 0, most: 1) }
    let start = index
    guard take("{") else { return nil }
    let least = try number()
    let isRange = take(",")
    let most = isRange ? try number() : least
    guard take("}"), least != nil || most != nil else {
      // A brace that is no interval stands for itself.
      index = start
      return nil
    }
    guard let least else { throw unsupported("'{,n}' means different things: write '{0,n}'") }
    if let most, most < least { throw malformed("an interval '{n,m}' has m below n") }
    return .init(least: least, most: most)
  }

  private mutating func number() throws(GrammarError) -> Int? {
    var value: Int?
    while let digit = next.flatMap({ ("0"..."9").contains($0) ? Int($0.value - 48) : nil }) {
      value = (value ?? 0) * 10 + digit
      index += 1
      if let value, value > GrammarBuilder.countLimit {
        throw GrammarError(.tooComplex, "the regular expression repeats more than \(GrammarBuilder.countLimit) times")
      }
    }
    return value
  }
}
