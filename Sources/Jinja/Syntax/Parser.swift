/// Parses a template's tokens as Jinja 3.1's parser does
/// (<https://jinja.palletsprojects.com/en/stable/templates/>).
struct Parser {
  private let tokens: [Token]
  private(set) var position = 0
  /// Expressions being parsed inside each other.
  var expressionDepth = 0
  private var statementDepth = 0
  private var loopDepth = 0
  private var frameCount = 0
  /// Whether an unknown filter or test may wait until it is reached: Jinja allows them under a condition.
  var isConditional = false
  /// Errors about unknown filters and tests that stand under no condition.
  var unknownNames: [TemplateError] = []

  static func parse(_ source: String) throws(TemplateError) -> TemplateSyntax {
    var parser = Parser(tokens: try Lexer.tokens(of: source))
    let root = try parser.frame { parser throws(TemplateError) in try parser.statements(until: []) }
    if let error = parser.unknownNames.first { throw error }
    let literals = parser.tokens.compactMap { token in
      if case .string(let text) = token.kind { text } else { nil }
    }
    return TemplateSyntax(
      root: root, hiddenNames: ScopeAnalysis.hiddenNames(in: root, frameCount: parser.frameCount),
      stringLiterals: Set(literals))
  }

  private init(tokens: [Token]) { self.tokens = tokens }

  // MARK: The token stream

  /// The current token. The last token is always `end`.
  var current: Token { token(at: position) }

  private func token(at index: Int) -> Token {
    tokens.indices.contains(index) ? tokens[index] : Token(kind: .end, line: tokens.last?.line ?? 1)
  }

  var next: Token { token(at: position + 1) }

  var line: Int { current.line }

  mutating func advance() { position += 1 }

  func fail(_ message: String, line: Int? = nil) -> TemplateError {
    TemplateError(.syntax, line: line ?? self.line, message)
  }

  func unsupported(_ what: String) -> TemplateError { TemplateError(.unsupported, line: line, what) }

  func isName(_ name: String) -> Bool { current.kind == .name(name) }
  func isSymbol(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }

  mutating func skipName(_ name: String) -> Bool {
    guard isName(name) else { return false }
    advance()
    return true
  }

  mutating func skipSymbol(_ symbol: String) -> Bool {
    guard isSymbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func expect(_ kind: Token.Kind) throws(TemplateError) {
    guard current.kind == kind else {
      throw fail("expected \(kind.description), found \(current.kind.description)")
    }
    advance()
  }

  mutating func expectName() throws(TemplateError) -> String {
    guard case .name(let name) = current.kind else { throw fail("expected a name, found \(current.kind.description)") }
    advance()
    return name
  }

  // MARK: Statements

  /// Parses the statements of a frame: outside of what surrounds it in conditions.
  private mutating func frame(
    keepsLoops: Bool = true, _ body: (inout Parser) throws(TemplateError) -> [Statement]
  ) throws(TemplateError) -> Frame {
    let saved = (isConditional, loopDepth)
    isConditional = false
    if !keepsLoops { loopDepth = 0 }
    defer { (isConditional, loopDepth) = saved }
    let id = frameCount
    frameCount += 1
    return Frame(id: id, statements: try body(&self))
  }

  /// Parses a body up to one of the tags `ends`, which stays current; the end of the template when there are none.
  private mutating func statements(until ends: [String]) throws(TemplateError) -> [Statement] {
    statementDepth += 1
    defer { statementDepth -= 1 }
    guard statementDepth <= TemplateLimits.statementDepth else {
      throw TemplateError(.limit, line: line, "more than \(TemplateLimits.statementDepth) blocks inside each other")
    }
    var result: [Statement] = []
    while true {
      let line = self.line
      switch current.kind {
      case .data(let text):
        advance()
        result.append(Statement(line: line, kind: .text(text)))
      case .variableBegin:
        advance()
        result.append(Statement(line: line, kind: .output(try tupleExpression())))
        try expect(.variableEnd)
      case .blockBegin:
        advance()
        if case .name(let name) = current.kind, ends.contains(name) { return result }
        result.append(contentsOf: try statement())
        try expect(.blockEnd)
      default:
        guard ends.isEmpty else {
          throw fail("the template ends where {% \(ends.joined(separator: " %} or {% ")) %} is expected")
        }
        return result
      }
    }
  }

  /// The rest of a tag, then a body and its closing tag's name.
  private mutating func body(until ends: [String]) throws(TemplateError) -> [Statement] {
    _ = skipSymbol(":")
    try expect(.blockEnd)
    return try statements(until: ends)
  }

  private mutating func closedFrame(until end: String, keepsLoops: Bool = true) throws(TemplateError) -> Frame {
    try frame(keepsLoops: keepsLoops) { parser throws(TemplateError) in
      let body = try parser.body(until: [end])
      parser.advance()
      return body
    }
  }

  private mutating func statement() throws(TemplateError) -> [Statement] {
    let line = self.line
    let tag = try expectName()
    let kind: Statement.Kind
    switch tag {
    case "if": kind = try conditional()
    case "for": kind = .loop(try loop())
    case "set": kind = try assignment()
    case "macro":
      let name = try expectName()
      kind = .macro(name, try macro(signature: try signature(), until: "endmacro"))
    case "call": kind = try callBlock()
    case "filter":
      let filter = try filters(on: nil, startsInline: true)
      kind = .filterBlock(filter, body: try closedFrame(until: "endfilter"))
    case "with": kind = try with()
    case "generation": kind = .generation(try closedFrame(until: "endgeneration", keepsLoops: false))
    case "print":
      var outputs: [Statement] = []
      while current.kind != .blockEnd {
        if !outputs.isEmpty { try expect(.symbol(",")) }
        outputs.append(Statement(line: line, kind: .output(try expression())))
      }
      return outputs
    case "break", "continue":
      guard loopDepth > 0 else { throw fail("'\(tag)' outside of a loop", line: line) }
      kind = tag == "break" ? .breakLoop : .continueLoop
    case "block", "extends", "include", "import", "from", "autoescape":
      throw TemplateError(.unsupported, line: line, "the tag '\(tag)'")
    default: throw fail("unknown tag '\(tag)'", line: line)
    }
    return [Statement(line: line, kind: kind)]
  }

  private mutating func conditional() throws(TemplateError) -> Statement.Kind {
    let saved = isConditional
    isConditional = true
    defer { isConditional = saved }
    var branches: [(test: Expression, body: [Statement])] = []
    var otherwise: [Statement] = []
    while true {
      let test = try tupleExpression(allowsConditional: false)
      branches.append((test, try body(until: ["elif", "else", "endif"])))
      if skipName("elif") { continue }
      if skipName("else") { otherwise = try body(until: ["endif"]) }
      advance()
      return .conditional(branches: branches, otherwise: otherwise)
    }
  }

  private mutating func loop() throws(TemplateError) -> Statement.Loop {
    let start = line
    let target = try assignmentTarget(endsAtIn: true)
    try expect(.name("in"))
    let iterated = try tupleExpression(allowsConditional: false, endsAtRecursive: true)
    let test = skipName("if") ? try expression() : nil
    if isName("recursive") { throw unsupported("a recursive loop") }
    loopDepth += 1
    let body = try frame { parser throws(TemplateError) in try parser.body(until: ["endfor", "else"]) }
    loopDepth -= 1
    var otherwise: Frame?
    if skipName("else") {
      otherwise = try frame { parser throws(TemplateError) in try parser.body(until: ["endfor"]) }
    }
    advance()
    if ScopeAnalysis.assignsLoop(target, [body] + (otherwise.map { [$0] } ?? [])) {
      throw fail("'loop' cannot be assigned inside a loop", line: start)
    }
    return Statement.Loop(
      target: target, iterated: iterated, test: test, body: body, otherwise: otherwise,
      readsLoop: ScopeAnalysis.reads("loop", in: body))
  }

  private mutating func assignment() throws(TemplateError) -> Statement.Kind {
    let target = try assignmentTarget(allowsNamespace: true)
    if skipSymbol("=") { return .assignment(target, try tupleExpression()) }
    let filter = isSymbol("|") ? try filters(on: nil, startsInline: false) : nil
    return .capture(target, filter: filter, body: try closedFrame(until: "endset"))
  }

  private mutating func with() throws(TemplateError) -> Statement.Kind {
    var pairs: [(target: AssignmentTarget, value: Expression)] = []
    while current.kind != .blockEnd {
      if !pairs.isEmpty { try expect(.symbol(",")) }
      let target = try assignmentTarget()
      try expect(.symbol("="))
      pairs.append((target, try expression()))
    }
    return .with(pairs, body: try closedFrame(until: "endwith"))
  }

  // MARK: Macros

  private mutating func signature() throws(TemplateError) -> (names: [String], defaults: [Expression]) {
    try expect(.symbol("("))
    var names: [String] = []
    var known: Set<String> = []
    var defaults: [Expression] = []
    while !isSymbol(")") {
      if !names.isEmpty { try expect(.symbol(",")) }
      let name = try assignableName()
      guard known.insert(name).inserted else { throw fail("the parameter '\(name)' appears twice") }
      names.append(name)
      if skipSymbol("=") {
        defaults.append(try expression())
      } else if !defaults.isEmpty {
        throw fail("a parameter without a default follows one with a default")
      }
    }
    advance()
    return (names, defaults)
  }

  private mutating func macro(
    signature: (names: [String], defaults: [Expression]), until end: String
  ) throws(TemplateError) -> MacroDefinition {
    if signature.names.contains(where: { ["caller", "varargs", "kwargs"].contains($0) }) {
      throw unsupported("a macro parameter named 'caller', 'varargs' or 'kwargs'")
    }
    let body = try closedFrame(until: end, keepsLoops: false)
    return MacroDefinition(
      parameters: signature.names, defaults: signature.defaults, body: body,
      readsCaller: ScopeAnalysis.reads("caller", in: body), readsVarargs: ScopeAnalysis.reads("varargs", in: body),
      readsKwargs: ScopeAnalysis.reads("kwargs", in: body))
  }

  private mutating func callBlock() throws(TemplateError) -> Statement.Kind {
    let start = line
    let parameters = isSymbol("(") ? try signature() : ([], [])
    let call = try expression()
    guard case .call = call.kind else { throw fail("a call block needs a call", line: start) }
    return .callBlock(try macro(signature: parameters, until: "endcall"), call: call)
  }

  // MARK: Assignment targets

  private mutating func assignableName() throws(TemplateError) -> String {
    let name = try expectName()
    guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
      throw fail("'\(name)' cannot be assigned")
    }
    return name
  }

  private mutating func assignmentTarget(
    allowsNamespace: Bool = false, endsAtIn: Bool = false
  ) throws(TemplateError) -> AssignmentTarget {
    var targets: [AssignmentTarget] = []
    var isTuple = false
    while true {
      switch current.kind {
      case .variableEnd, .blockEnd, .symbol(")"):
        guard isTuple else { throw fail("expected a name to assign, found \(current.kind.description)") }
        return .tuple(targets)
      case .name("in"): if endsAtIn, isTuple { return .tuple(targets) }
      default: break
      }
      targets.append(try primaryTarget(allowsNamespace: allowsNamespace))
      guard skipSymbol(",") else { break }
      isTuple = true
    }
    return isTuple ? .tuple(targets) : targets[0]
  }

  private mutating func primaryTarget(allowsNamespace: Bool) throws(TemplateError) -> AssignmentTarget {
    if skipSymbol("(") {
      expressionDepth += 1
      defer { expressionDepth -= 1 }
      try checkDepth()
      let target = try assignmentTarget(allowsNamespace: allowsNamespace)
      try expect(.symbol(")"))
      return target
    }
    let name = try assignableName()
    guard allowsNamespace, skipSymbol(".") else { return .name(name) }
    return .namespaceAttribute(name, try expectName())
  }

  func checkDepth() throws(TemplateError) {
    guard expressionDepth <= TemplateLimits.expressionHeight else {
      throw TemplateError(
        .limit, line: line, "an expression is nested more than \(TemplateLimits.expressionHeight) levels deep")
    }
  }
}
