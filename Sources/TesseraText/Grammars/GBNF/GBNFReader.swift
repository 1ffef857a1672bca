/// Reads grammars in llama.cpp's language (GBNF): rules `name ::= …` of texts, classes of characters, other rules,
/// groups, alternatives and repetitions. The rule `root` is the text.
struct GBNFReader {
  private static let depthLimit = 100
  private static let lengthLimit = 1 << 20

  let scalars: [Unicode.Scalar]
  var index = 0
  private var depth = 0
  private var rules = GrammarRules()
  private var numbers: [String: Int] = [:]
  /// Of each rule that was named where that was first.
  private var uses: [(name: String, index: Int)] = []

  private init(_ text: String) { scalars = Array(text.unicodeScalars) }

  /// - Throws: `GrammarError` with the line, for what is no grammar or goes over the bounds.
  static func read(_ text: String) throws(GrammarError) -> Grammar {
    var reader = GBNFReader(text)
    guard reader.scalars.count <= lengthLimit else {
      throw GrammarError(
        .tooComplex, "the grammar has \(reader.scalars.count) characters: at most \(lengthLimit) are read")
    }
    reader.skipSpace(newlines: true)
    while reader.next != nil { try reader.rule() }
    guard let root = reader.numbers["root"], reader.rules.isDefined(root) else {
      throw GrammarError(.malformed, "the grammar has no rule 'root'")
    }
    for (name, index) in reader.uses where !reader.rules.isDefined(reader.numbers[name] ?? root) {
      reader.index = index
      throw reader.malformed("the rule \(GrammarError.quoted(name)) is not defined")
    }
    return try reader.rules.grammar(.rule(root))
  }

  // MARK: Characters

  var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

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

  func malformed(_ problem: String) -> GrammarError {
    let line = 1 + scalars[..<min(index, scalars.count)].count { $0 == "\n" }
    return GrammarError(.malformed, "the grammar is wrong in line \(line): \(problem)")
  }

  /// Skips blanks and comments.
  private mutating func skipSpace(newlines: Bool) {
    while let scalar = next {
      if scalar == "#" {
        while let scalar = next, scalar != "\n", scalar != "\r" { index += 1 }
      } else if scalar == " " || scalar == "\t" || newlines && (scalar == "\n" || scalar == "\r") {
        index += 1
      } else {
        return
      }
    }
  }

  private mutating func name() -> String? {
    let start = index
    while let scalar = next, scalar == "-" || scalar.isASCII && (scalar.properties.isAlphabetic || scalar.isDigit) {
      index += 1
    }
    guard index > start else { return nil }
    var name = String.UnicodeScalarView()
    name.append(contentsOf: scalars[start..<index])
    return String(name)
  }

  // MARK: Rules

  private mutating func number(of name: String) throws(GrammarError) -> Int {
    if let number = numbers[name] { return number }
    let number = try rules.declare(name)
    numbers[name] = number
    uses.append((name, index))
    return number
  }

  private mutating func rule() throws(GrammarError) {
    guard let name = name() else { throw malformed("a rule's name is expected here") }
    let rule = try number(of: name)
    guard !rules.isDefined(rule) else { throw malformed("the rule \(GrammarError.quoted(name)) is defined twice") }
    skipSpace(newlines: false)
    guard take("::=") else { throw malformed("'::=' is expected behind the rule's name") }
    skipSpace(newlines: true)
    rules.define(rule, try alternatives(isNested: false))
    guard next == nil || next == "\n" || next == "\r" else {
      throw malformed("a line's end is expected behind the rule")
    }
    skipSpace(newlines: true)
  }

  private mutating func alternatives(isNested: Bool) throws(GrammarError) -> GrammarNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else {
      throw GrammarError(.tooComplex, "the grammar nests groups more than \(Self.depthLimit) deep")
    }
    var options = [try sequence(isNested: isNested)]
    while take("|") {
      skipSpace(newlines: true)
      options.append(try sequence(isNested: isNested))
    }
    return options.count == 1 ? options[0] : .choice(options)
  }

  private mutating func sequence(isNested: Bool) throws(GrammarError) -> GrammarNode {
    var parts: [GrammarNode] = []
    while let scalar = next {
      let part: GrammarNode
      switch scalar {
      case "\"": part = try text()
      case "[": part = .scalars(try characterClass())
      case ".":
        index += 1
        part = .scalars(.all)
      case "(":
        index += 1
        skipSpace(newlines: true)
        part = try alternatives(isNested: true)
        guard take(")") else { throw malformed("a '(' has no ')' after it") }
      case "<", "!":
        throw GrammarError(.unsupported, malformed("tokens ('<…>') are not supported: name texts").message)
      default:
        guard let name = name() else { return .sequence(parts) }
        part = .rule(try number(of: name))
      }
      skipSpace(newlines: isNested)
      var node = part
      var repetitions = 0
      while let count = try repetition(isNested: isNested) {
        repetitions += 1
        guard repetitions <= 8 else { throw malformed("more than 8 repetitions follow each other") }
        node = .repeated(node, count)
      }
      parts.append(node)
    }
    return .sequence(parts)
  }

  private mutating func repetition(isNested: Bool) throws(GrammarError) -> GrammarBuilder.Count? {
    var count: GrammarBuilder.Count?
    if take("*") { count = .init(least: 0, most: nil) }
    if count == nil, take("+") { count = .init(least: 1, most: nil) }
    if count == nil, take("?") { count = .init(least: 0, most: 1) }
    if count == nil, take("{") {
      skipSpace(newlines: isNested)
      let least = try number()
      skipSpace(newlines: isNested)
      var most: Int? = least
      if take(",") {
        skipSpace(newlines: isNested)
        most = next?.isDigit == true ? try number() : nil
        skipSpace(newlines: isNested)
      }
      guard take("}") else { throw malformed("a '{' has no '}' after it") }
      if let most, most < least { throw malformed("a repetition '{n,m}' has m below n") }
      count = .init(least: least, most: most)
    }
    if count != nil { skipSpace(newlines: isNested) }
    return count
  }

  private mutating func number() throws(GrammarError) -> Int {
    guard next?.isDigit == true else { throw malformed("a number is expected here") }
    var value = 0
    while let scalar = next, scalar.isDigit {
      value = value * 10 + Int(scalar.value - 48)
      index += 1
      guard value <= GrammarBuilder.countLimit else {
        throw GrammarError(.tooComplex, "the grammar repeats more than \(GrammarBuilder.countLimit) times")
      }
    }
    return value
  }
}

extension Unicode.Scalar {
  fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
}
