extension Parser {
  /// Makes an expression over its parts, within the limit on height.
  private func make(
    _ kind: Expression.Kind, over parts: [Expression], line: Int
  ) throws(TemplateError) -> Expression {
    let height = 1 + (parts.map(\.height).max() ?? 0)
    guard height <= TemplateLimits.expressionHeight else {
      throw TemplateError(
        .limit, line: line, "an expression is more than \(TemplateLimits.expressionHeight) operations deep")
    }
    return Expression(line: line, height: height, kind: kind)
  }

  mutating func expression(allowsConditional: Bool = true) throws(TemplateError) -> Expression {
    expressionDepth += 1
    defer { expressionDepth -= 1 }
    try checkDepth()
    return allowsConditional ? try conditionalExpression() : try orExpression()
  }

  /// One expression, or a tuple where commas follow.
  mutating func tupleExpression(
    allowsConditional: Bool = true, endsAtRecursive: Bool = false, inParentheses: Bool = false
  ) throws(TemplateError) -> Expression {
    let line = self.line
    var items: [Expression] = []
    var isTuple = false
    while true {
      let isEnd =
        switch current.kind {
        case .variableEnd, .blockEnd, .symbol(")"): true
        case .name("recursive"): endsAtRecursive
        default: false
        }
      if isEnd {
        guard isTuple || inParentheses else { throw fail("expected an expression, found \(current.kind.description)") }
        return try make(.tuple(items), over: items, line: line)
      }
      items.append(try expression(allowsConditional: allowsConditional))
      guard skipSymbol(",") else { break }
      isTuple = true
    }
    return isTuple ? try make(.tuple(items), over: items, line: line) : items[0]
  }

  private mutating func conditionalExpression() throws(TemplateError) -> Expression {
    let line = self.line
    let saved = isConditional
    defer { isConditional = saved }
    let unknownBefore = unknownNames.count
    var result = try orExpression()
    while skipName("if") {
      // What stands before the condition is under it as well.
      unknownNames.removeSubrange(unknownBefore...)
      isConditional = true
      let test = try orExpression()
      var otherwise: Expression?
      if skipName("else") {
        expressionDepth += 1
        defer { expressionDepth -= 1 }
        try checkDepth()
        otherwise = try conditionalExpression()
      }
      let parts = [result, test] + (otherwise.map { [$0] } ?? [])
      result = try make(.conditional(test: test, then: result, otherwise: otherwise), over: parts, line: line)
    }
    return result
  }

  private mutating func orExpression() throws(TemplateError) -> Expression {
    let line = self.line
    var left = try andExpression()
    while skipName("or") {
      let right = try andExpression()
      left = try make(.or(left, right), over: [left, right], line: line)
    }
    return left
  }

  private mutating func andExpression() throws(TemplateError) -> Expression {
    let line = self.line
    var left = try notExpression()
    while skipName("and") {
      let right = try notExpression()
      left = try make(.and(left, right), over: [left, right], line: line)
    }
    return left
  }

  private mutating func notExpression() throws(TemplateError) -> Expression {
    let line = self.line
    guard skipName("not") else { return try comparison() }
    expressionDepth += 1
    defer { expressionDepth -= 1 }
    try checkDepth()
    let operand = try notExpression()
    return try make(.not(operand), over: [operand], line: line)
  }

  private mutating func comparison() throws(TemplateError) -> Expression {
    let line = self.line
    let first = try sum()
    var operations: [(operation: CompareOperator, operand: Expression)] = []
    while true {
      let operation: CompareOperator
      if case .symbol(let symbol) = current.kind, let found = CompareOperator(rawValue: symbol) {
        advance()
        operation = found
      } else if skipName("in") {
        operation = .contained
      } else if isName("not"), next.kind == .name("in") {
        advance()
        advance()
        operation = .notContained
      } else {
        break
      }
      operations.append((operation, try sum()))
    }
    if operations.isEmpty { return first }
    return try make(.compare(first, operations), over: [first] + operations.map(\.operand), line: line)
  }

  private mutating func binary(
    _ operators: [BinaryOperator], _ operand: (inout Parser) throws(TemplateError) -> Expression
  ) throws(TemplateError) -> Expression {
    let line = self.line
    var left = try operand(&self)
    while case .symbol(let symbol) = current.kind, let operation = BinaryOperator(rawValue: symbol),
      operators.contains(operation)
    {
      advance()
      let right = try operand(&self)
      left = try make(.binary(operation, left, right), over: [left, right], line: line)
    }
    return left
  }

  private mutating func sum() throws(TemplateError) -> Expression {
    try binary([.add, .subtract]) { parser throws(TemplateError) in try parser.concatenation() }
  }

  private mutating func concatenation() throws(TemplateError) -> Expression {
    let line = self.line
    var parts = [try product()]
    while skipSymbol("~") { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : try make(.concatenation(parts), over: parts, line: line)
  }

  private mutating func product() throws(TemplateError) -> Expression {
    try binary([.multiply, .divide, .floorDivide, .modulo]) { parser throws(TemplateError) in try parser.power() }
  }

  /// Unlike Python's, Jinja's `**` groups from the left and binds looser than a sign.
  private mutating func power() throws(TemplateError) -> Expression {
    try binary([.power]) { parser throws(TemplateError) in try parser.unary() }
  }

  private mutating func unary(withFilters: Bool = true) throws(TemplateError) -> Expression {
    let line = self.line
    var node: Expression
    if isSymbol("-") || isSymbol("+") {
      let operation = isSymbol("-") ? UnaryOperator.minus : .plus
      advance()
      expressionDepth += 1
      defer { expressionDepth -= 1 }
      try checkDepth()
      let operand = try unary(withFilters: false)
      node = try make(.unary(operation, operand), over: [operand], line: line)
    } else {
      node = try primary()
    }
    node = try postfix(node)
    guard withFilters else { return node }
    while true {
      if isSymbol("|") {
        node = try filters(on: node, startsInline: false)
      } else if isName("is") {
        node = try test(node)
      } else if isSymbol("(") {
        node = try call(node)
      } else {
        return node
      }
    }
  }

  private mutating func primary() throws(TemplateError) -> Expression {
    let line = self.line
    let token = current
    advance()
    let literal: Literal
    switch token.kind {
    case .name("true"), .name("True"): literal = .bool(true)
    case .name("false"), .name("False"): literal = .bool(false)
    case .name("none"), .name("None"): literal = .none
    case .name(let name): return try make(.name(name), over: [], line: line)
    case .integer(let value): literal = .int(value)
    case .float(let value): literal = .float(value)
    case .string(var text):
      while case .string(let more) = current.kind {
        text += more
        advance()
      }
      literal = .string(text)
    case .symbol("("):
      let result = try tupleExpression(inParentheses: true)
      try expect(.symbol(")"))
      return result
    case .symbol("["):
      let items = try items(until: "]")
      return try make(.list(items), over: items, line: line)
    case .symbol("{"): return try dictionary(line: line)
    default: throw fail("unexpected \(token.kind.description)", line: line)
    }
    return try make(.constant(literal), over: [], line: line)
  }

  private mutating func items(until end: String) throws(TemplateError) -> [Expression] {
    var items: [Expression] = []
    while !isSymbol(end) {
      if !items.isEmpty { try expect(.symbol(",")) }
      if isSymbol(end) { break }
      items.append(try expression())
    }
    advance()
    return items
  }

  private mutating func dictionary(line: Int) throws(TemplateError) -> Expression {
    var pairs: [(key: Expression, value: Expression)] = []
    while !isSymbol("}") {
      if !pairs.isEmpty { try expect(.symbol(",")) }
      if isSymbol("}") { break }
      let key = try expression()
      try expect(.symbol(":"))
      pairs.append((key, try expression()))
    }
    advance()
    return try make(.dictionary(pairs), over: pairs.flatMap { [$0.key, $0.value] }, line: line)
  }

  // MARK: What follows a value

  private mutating func postfix(_ start: Expression) throws(TemplateError) -> Expression {
    var node = start
    while true {
      let line = self.line
      if skipSymbol(".") {
        let token = current
        advance()
        switch token.kind {
        case .name(let name): node = try make(.attribute(node, name), over: [node], line: line)
        case .integer(let index):
          let key = try make(.constant(.int(index)), over: [], line: line)
          node = try make(.element(node, key), over: [node, key], line: line)
        default: throw fail("expected a name after '.', found \(token.kind.description)", line: line)
        }
      } else if skipSymbol("[") {
        node = try subscripted(node, line: line)
      } else if isSymbol("(") {
        node = try call(node)
      } else {
        return node
      }
    }
  }

  private mutating func subscripted(_ node: Expression, line: Int) throws(TemplateError) -> Expression {
    if isSymbol("]") { throw fail("an empty subscript") }
    var bounds = SliceBounds()
    if !isSymbol(":") {
      let first = try expression()
      if isSymbol(",") { throw unsupported("a subscript with a comma") }
      if skipSymbol("]") { return try make(.element(node, first), over: [node, first], line: line) }
      bounds.start = first
    }
    try expect(.symbol(":"))
    if !isSymbol(":"), !isSymbol("]") { bounds.stop = try expression() }
    if skipSymbol(":"), !isSymbol("]") { bounds.step = try expression() }
    if isSymbol(",") { throw unsupported("a subscript with a comma") }
    try expect(.symbol("]"))
    return try make(.slice(node, bounds), over: [node] + bounds.parts, line: line)
  }

  private mutating func call(_ function: Expression) throws(TemplateError) -> Expression {
    let line = self.line
    let arguments = try callArguments()
    return try make(.call(function, arguments), over: [function] + arguments.parts, line: line)
  }

  private mutating func callArguments() throws(TemplateError) -> CallArguments {
    let line = self.line
    try expect(.symbol("("))
    var arguments = CallArguments()
    var isFirst = true
    while !isSymbol(")") {
      if !isFirst {
        try expect(.symbol(","))
        if isSymbol(")") { break }
      }
      isFirst = false
      let isOrdered: Bool
      if skipSymbol("*") {
        isOrdered = arguments.unpackedPositional == nil && arguments.unpackedKeyword == nil
        arguments.unpackedPositional = try expression()
      } else if skipSymbol("**") {
        isOrdered = arguments.unpackedKeyword == nil
        arguments.unpackedKeyword = try expression()
      } else if case .name(let name) = current.kind, next.kind == .symbol("=") {
        advance()
        advance()
        isOrdered = arguments.unpackedKeyword == nil && !arguments.keyword.contains { $0.name == name }
        arguments.keyword.append((name, try expression()))
      } else {
        isOrdered =
          arguments.unpackedPositional == nil && arguments.unpackedKeyword == nil && arguments.keyword.isEmpty
        arguments.positional.append(try expression())
      }
      guard isOrdered else { throw fail("the arguments of a call are out of order or repeated", line: line) }
    }
    advance()
    return arguments
  }

  // MARK: Filters and tests

  /// The filters that follow a value, or those that head a `filter` or `set` block.
  mutating func filters(on input: Expression?, startsInline: Bool) throws(TemplateError) -> Expression {
    var node = input
    var inline = startsInline
    while inline || skipSymbol("|") {
      inline = false
      let line = self.line
      let name = try dottedName()
      if !Filters.isKnown(name), !isConditional {
        unknownNames.append(fail("there is no filter named '\(name)'", line: line))
      }
      let arguments = isSymbol("(") ? try callArguments() : CallArguments()
      node = try make(
        .filter(node, name, arguments), over: (node.map { [$0] } ?? []) + arguments.parts, line: line)
    }
    guard let node else { throw fail("expected a filter") }
    return node
  }

  private mutating func dottedName() throws(TemplateError) -> String {
    var name = try expectName()
    while skipSymbol(".") { name += "." + (try expectName()) }
    return name
  }

  private mutating func test(_ input: Expression) throws(TemplateError) -> Expression {
    let line = self.line
    advance()
    let isNegated = skipName("not")
    let name = try dottedName()
    if !ValueTests.isKnown(name), !isConditional {
      unknownNames.append(fail("there is no test named '\(name)'", line: line))
    }
    var arguments = CallArguments()
    switch current.kind {
    case .symbol("("): arguments = try callArguments()
    case .name("else"), .name("or"), .name("and"): break
    case .name("is"): throw fail("tests cannot be chained with 'is'")
    case .name, .string, .integer, .float, .symbol("["), .symbol("{"):
      expressionDepth += 1
      defer { expressionDepth -= 1 }
      try checkDepth()
      arguments.positional = [try postfix(try primary())]
    default: break
    }
    let node = try make(.test(input, name, arguments), over: [input] + arguments.parts, line: line)
    return isNegated ? try make(.not(node), over: [node], line: line) : node
  }
}
