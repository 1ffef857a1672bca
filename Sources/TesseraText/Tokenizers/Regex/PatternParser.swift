/// Reads the regular expressions that tokenizer files hold: Oniguruma's syntax with its Ruby rules
/// (https://github.com/kkos/oniguruma/blob/master/doc/RE), as far as it can be matched in one pass without going back.
///
/// Not supported, and refused by name: conditions on more than one scalar, atomic groups and possessive quantifiers of
/// more than a single scalar, back references, named groups, calls and the anchors `\Z` and `\G`.
struct PatternParser {
  private static let depthLimit = 100
  private static let repeatLimit = 1_000

  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var depth = 0
  private var ignoresCase = false
  private var dotTakesNewline = false
  let table: UnicodeTable

  init(_ pattern: String, table: UnicodeTable) {
    scalars = Array(pattern.unicodeScalars)
    self.table = table
  }

  mutating func parse() throws(PatternError) -> PatternNode {
    let node = try alternatives()
    guard index == scalars.count else { throw PatternError(problem: "a ')' has no '(' before it") }
    return node
  }

  var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    index += 1
    return true
  }

  mutating func take(_ text: String) -> Bool {
    let wanted = Array(text.unicodeScalars)
    guard scalars[index...].starts(with: wanted) else { return false }
    index += wanted.count
    return true
  }

  mutating func advance() -> Unicode.Scalar? {
    guard let scalar = next else { return nil }
    index += 1
    return scalar
  }

  /// `set`, with the other letter cases where they are ignored.
  func folded(_ set: ScalarSet) -> ScalarSet { ignoresCase ? set.withOtherCases : set }

  private mutating func alternatives() throws(PatternError) -> PatternNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw PatternError(problem: "groups are nested more than 100 deep") }
    let (outerCase, outerDot) = (ignoresCase, dotTakesNewline)
    var options = [try sequence()]
    while take("|") { options.append(try sequence()) }
    (ignoresCase, dotTakesNewline) = (outerCase, outerDot)
    return options.count == 1 ? options[0] : .alternatives(options)
  }

  private mutating func sequence() throws(PatternError) -> PatternNode {
    var parts: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      if let node = try quantified(atom()) { parts.append(node) }
    }
    return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
  }

  /// One thing that a quantifier may follow; nil for flags, which stand for nothing themselves.
  private mutating func atom() throws(PatternError) -> PatternNode? {
    guard let scalar = advance() else { return .empty }
    switch scalar {
    case "(": return try group()
    case "[": return .set(try characterClass())
    case ".": return .set(dotTakesNewline ? .all : ScalarSet("\n").complement)
    case "^": return .condition(PatternCondition(looksBehind: true, scalars: ScalarSet("\n"), allowsEdge: true))
    case "$": return .condition(PatternCondition(looksBehind: false, scalars: ScalarSet("\n"), allowsEdge: true))
    case "*", "+", "?": throw PatternError(problem: "a '\(scalar)' has nothing before it to repeat")
    case "\\": return try escape()
    default:
      if ignoresCase, scalar.properties.uppercaseMapping.unicodeScalars.count > 1 {
        throw PatternError(
          problem: "'\(scalar)' has another letter case of several characters, which '(?i)' would match")
      }
      return .set(folded(ScalarSet(scalar)))
    }
  }

  private mutating func escape() throws(PatternError) -> PatternNode {
    switch next {
    case "A", "z":
      let condition = PatternCondition(looksBehind: next == "A", scalars: ScalarSet(), allowsEdge: true)
      index += 1
      return .condition(condition)
    case "b", "B":
      let isBoundary = advance() == "b"
      func word(_ behind: Bool) -> PatternCondition {
        PatternCondition(looksBehind: behind, scalars: table.wordEscape, allowsEdge: false)
      }
      let (before, after) = (word(true), word(false))
      return .alternatives([
        .sequence([.condition(before), .condition(isBoundary ? after.negated : after)]),
        .sequence([.condition(before.negated), .condition(isBoundary ? after : after.negated)]),
      ])
    case "w", "W":
      return .set(advance() == "w" ? table.wordEscape : table.wordEscape.complement)
    default:
      return .set(folded(try escapedSet()))
    }
  }

  private mutating func group() throws(PatternError) -> PatternNode? {
    if !take("?") { return try closed(alternatives()) }
    for (opening, looksBehind, isNegated) in [
      ("=", false, false), ("!", false, true), ("<=", true, false), ("<!", true, true),
    ] where take(opening) {
      let node = try closed(alternatives())
      if case .condition(let condition) = node, condition.looksBehind == looksBehind {
        return .condition(isNegated ? condition.negated : condition)
      }
      guard let set = node.singleScalars else {
        throw PatternError(problem: "'(?\(opening)…)' is supported around a single character or class alone")
      }
      let condition = PatternCondition(looksBehind: looksBehind, scalars: set, allowsEdge: false)
      return .condition(isNegated ? condition.negated : condition)
    }
    if take(":") { return try closed(alternatives()) }
    if take(">") { return try possessive(closed(alternatives()), "an atomic group '(?>…)'") }
    return try flags()
  }

  /// `(?i)`, which holds to the end of the group around it, or `(?i:…)`.
  private mutating func flags() throws(PatternError) -> PatternNode? {
    let start = index
    let (outerCase, outerDot) = (ignoresCase, dotTakesNewline)
    var isOn = true
    while let flag = advance() {
      switch flag {
      case "-": isOn = false
      case "i": ignoresCase = isOn
      case "m": dotTakesNewline = isOn
      case ")":
        // The rest of the group is inside, also its alternatives.
        return try alternatives()
      case ":":
        let node = try closed(alternatives())
        (ignoresCase, dotTakesNewline) = (outerCase, outerDot)
        return node
      default: throw PatternError(problem: "the group '(?\(text(start...index - 1))' is not supported")
      }
    }
    throw PatternError(problem: "a '(' has no ')' after it")
  }

  private func text(_ range: ClosedRange<Int>) -> String {
    var text = ""
    for scalar in scalars[range.clamped(to: 0...scalars.count - 1)] { text.unicodeScalars.append(scalar) }
    return text
  }

  private mutating func closed(_ node: PatternNode) throws(PatternError) -> PatternNode {
    guard take(")") else { throw PatternError(problem: "a '(' has no ')' after it") }
    return node
  }

  // MARK: Quantifiers

  private mutating func quantified(_ atom: PatternNode?) throws(PatternError) -> PatternNode? {
    guard var node = atom else { return nil }
    var count = 0
    while let (minimum, maximum, isInterval) = try quantifier() {
      count += 1
      guard count <= 4 else { throw PatternError(problem: "more than 4 quantifiers follow each other") }
      if !isInterval, take("+") {
        node = try possessive(
          .repeated(node, minimum: minimum, maximum: maximum, isLazy: false), "a possessive quantifier")
      } else {
        let isLazy = take("?")
        if isLazy, isInterval, minimum == maximum {
          throw PatternError(problem: "'{\(minimum)}?' is not supported; write it as '(?:…{\(minimum)})?'")
        }
        node = .repeated(node, minimum: minimum, maximum: maximum, isLazy: isLazy)
      }
    }
    return node
  }

  private mutating func quantifier() throws(PatternError) -> (minimum: Int, maximum: Int?, isInterval: Bool)? {
    if take("*") { return (0, nil, false) }
    if take("+") { return (1, nil, false) }
    if take("?") { return (0, 1, false) }
    let start = index
    guard take("{") else { return nil }
    let minimum = try number()
    let maximum = take(",") ? try number() : minimum
    guard take("}"), minimum != nil || maximum != nil else {
      // A brace that is no interval stands for itself.
      index = start
      return nil
    }
    if let maximum, maximum < minimum ?? 0 { throw PatternError(problem: "an interval '{n,m}' has m below n") }
    return (minimum ?? 0, maximum, true)
  }

  private mutating func number() throws(PatternError) -> Int? {
    var value: Int?
    while let digit = next?.properties.numericType == .decimal ? next.flatMap({ Int(String($0)) }) : nil {
      value = (value ?? 0) * 10 + digit
      index += 1
      if let value, value > Self.repeatLimit {
        throw PatternError(problem: "a repetition of more than \(Self.repeatLimit) is not supported")
      }
    }
    return value
  }

  /// A repetition of one scalar that gives nothing back: it ends where another could not follow.
  private func possessive(_ node: PatternNode, _ name: String) throws(PatternError) -> PatternNode {
    if node.singleScalars != nil { return node }
    guard case .repeated(let body, let minimum, let maximum, false) = node, let set = body.singleScalars,
      maximum == nil || maximum == 1
    else { throw PatternError(problem: "\(name) is supported around a single character or class alone") }
    let end = PatternCondition(looksBehind: false, scalars: set, allowsEdge: false).negated
    if maximum == 1, minimum == 0 { return .alternatives([body, .condition(end)]) }
    return .sequence([node, .condition(end)])
  }
}
