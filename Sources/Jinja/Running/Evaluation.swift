extension Interpreter {
  /// Evaluates an expression. `input` is the captured text for the filters that head a block.
  func evaluate(_ expression: Expression, _ scope: Scope, input: Value? = nil) throws(TemplateError) -> Value {
    try enter()
    let outerLine = line
    line = expression.line
    defer {
      leave()
      line = outerLine
    }
    switch expression.kind {
    case .constant(let literal): return try constant(literal)
    case .name(let name): return scope.lookUp(name) ?? .undefined("'\(name)' is undefined")
    case .list(let items): return try list(try evaluateAll(items, scope))
    case .tuple(let items): return try tuple(try evaluateAll(items, scope))
    case .dictionary(let pairs): return try dictionary(pairs, scope)
    case .unary(let operation, let operand): return try apply(operation, try evaluate(operand, scope))
    case .binary(let operation, let left, let right): return try binary(operation, left, right, scope)
    case .and(let left, let right):
      let value = try evaluate(left, scope)
      return value.isTrue ? try evaluate(right, scope) : value
    case .or(let left, let right):
      let value = try evaluate(left, scope)
      return value.isTrue ? value : try evaluate(right, scope)
    case .not(let operand): return .bool(!(try evaluate(operand, scope).isTrue))
    case .compare(let first, let operations): return try compare(first, operations, scope)
    case .concatenation(let parts): return try concatenate(parts, scope)
    case .attribute(let value, let name): return try attribute(name, of: try evaluate(value, scope))
    case .element(let value, let key): return try element(value, key, scope)
    case .slice(let value, let bounds): return try slice(value, bounds, scope)
    case .call(let function, let arguments): return try evaluateCall(function, arguments, scope)
    case .filter(let value, let name, let arguments): return try filter(value, name, arguments, scope, input)
    case .test(let value, let name, let arguments): return try test(value, name, arguments, scope)
    case .conditional(let test, let then, let otherwise): return try conditional(test, then, otherwise, scope)
    }
  }

  private func constant(_ literal: Literal) throws(TemplateError) -> Value {
    switch literal {
    case .none: .none
    case .bool(let value): .bool(value)
    case .int(let value): .int(value)
    case .float(let value): .float(value)
    case .string(let text): .string(text)
    }
  }

  func evaluateAll(_ expressions: [Expression], _ scope: Scope) throws(TemplateError) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(expressions.count)
    for expression in expressions { values.append(try evaluate(expression, scope)) }
    return values
  }

  private func dictionary(
    _ pairs: [(key: Expression, value: Expression)], _ scope: Scope
  ) throws(TemplateError) -> Value {
    let result = DictionaryValue()
    for pair in pairs {
      let key = try evaluate(pair.key, scope)
      result.set(try self.key(key), named: key, to: try evaluate(pair.value, scope))
    }
    try checkDepth(result.depth)
    return .dictionary(result)
  }

  private func binary(
    _ operation: BinaryOperator, _ left: Expression, _ right: Expression, _ scope: Scope
  ) throws(TemplateError) -> Value {
    let left = try evaluate(left, scope)
    let right = try evaluate(right, scope)
    return try apply(operation, left, right)
  }

  private func compare(
    _ first: Expression, _ operations: [(operation: CompareOperator, operand: Expression)], _ scope: Scope
  ) throws(TemplateError) -> Value {
    var left = try evaluate(first, scope)
    for (operation, operand) in operations {
      let right = try evaluate(operand, scope)
      guard try compare(operation, left, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  private func concatenate(_ parts: [Expression], _ scope: Scope) throws(TemplateError) -> Value {
    var values: [Value] = []
    for part in parts { values.append(try evaluate(part, scope)) }
    var text = ""
    for value in values {
      text += try printed(value)
      if text.utf8.count > limits.stringBytes { break }
    }
    return try string(text)
  }

  private func element(_ value: Expression, _ key: Expression, _ scope: Scope) throws(TemplateError) -> Value {
    let value = try evaluate(value, scope)
    return try element(try evaluate(key, scope), of: value)
  }

  private func slice(_ value: Expression, _ bounds: SliceBounds, _ scope: Scope) throws(TemplateError) -> Value {
    let value = try evaluate(value, scope)
    var parts: [Int?] = []
    for bound in [bounds.start, bounds.stop, bounds.step] {
      guard let bound else {
        parts.append(nil)
        continue
      }
      let part = try evaluate(bound, scope)
      if case .none = part {
        parts.append(nil)
      } else if let index = part.index {
        parts.append(index)
      } else {
        throw fail("a slice from, to or by a value of type \(part.typeName)")
      }
    }
    return try slice(value, start: parts[0], stop: parts[1], step: parts[2])
  }

  private func conditional(
    _ test: Expression, _ then: Expression, _ otherwise: Expression?, _ scope: Scope
  ) throws(TemplateError) -> Value {
    if try evaluate(test, scope).isTrue { return try evaluate(then, scope) }
    if let otherwise { return try evaluate(otherwise, scope) }
    return .undefined("the inline if-expression is false and has no else")
  }

  // MARK: Calls

  func evaluate(_ arguments: CallArguments, _ scope: Scope) throws(TemplateError) -> Arguments {
    let values = Arguments(positional: try evaluateAll(arguments.positional, scope))
    for (name, value) in arguments.keyword { values.keyword.set(name, to: try evaluate(value, scope)) }
    if let unpacked = arguments.unpackedPositional {
      values.positional += try allItems(of: try evaluate(unpacked, scope))
    }
    if let unpacked = arguments.unpackedKeyword {
      let value = try evaluate(unpacked, scope)
      guard case .dictionary(let members) = value else { throw fail("'**' before a value of type \(value.typeName)") }
      try chargeCopy(of: members)
      for (key, value) in zip(members.keys, members.values) {
        guard let name = key.text else { throw fail("'**' gives a name that is no string") }
        try charge(name.utf8.count / 32)
        guard values.keyword.value(named: name) == nil else {
          throw fail("'**' gives a name that is given already")
        }
        values.keyword.set(name, to: value)
      }
    }
    try checkDepth(values.keyword.depth)
    return values
  }

  private func evaluateCall(
    _ function: Expression, _ arguments: CallArguments, _ scope: Scope
  ) throws(TemplateError) -> Value {
    let callee = try evaluate(function, scope)
    let values = try evaluate(arguments, scope)
    return try call(callee, values)
  }

  private func filter(
    _ value: Expression?, _ name: String, _ arguments: CallArguments, _ scope: Scope, _ input: Value?
  ) throws(TemplateError) -> Value {
    let subject = try value.map { value throws(TemplateError) in try evaluate(value, scope, input: input) }
    let values = try evaluate(arguments, scope)
    return try Filters.apply(name, to: subject ?? input ?? .string(""), values, self)
  }

  private func test(
    _ value: Expression, _ name: String, _ arguments: CallArguments, _ scope: Scope
  ) throws(TemplateError) -> Value {
    let subject = try evaluate(value, scope)
    let values = try evaluate(arguments, scope)
    return .bool(try ValueTests.apply(name, to: subject, values, self))
  }
}

/// The arguments of a call.
final class Arguments {
  var positional: [Value]
  var keyword = DictionaryValue()

  init(positional: [Value] = []) { self.positional = positional }

  /// The value of each parameter, by position or name; nil where it is not given.
  func bind(
    _ names: [String], required: Int = 0, for function: String, _ interpreter: Interpreter
  ) throws(TemplateError) -> [Value?] {
    guard positional.count <= names.count else {
      throw interpreter.fail("\(function) takes at most \(names.count) arguments, not \(positional.count)")
    }
    var bound: [Value?] = positional.map { $0 }
    for name in names.dropFirst(positional.count) { bound.append(keyword.value(named: name)) }
    for key in keyword.keys {
      guard let name = key.text, let index = names.firstIndex(of: name), index >= positional.count else {
        throw interpreter.fail("\(function) does not take the argument '\(key.text ?? "")' here")
      }
    }
    for (index, value) in bound.prefix(required).enumerated() where value == nil {
      throw interpreter.fail("\(function) needs the argument '\(names[index])'")
    }
    return bound
  }

  /// The positional arguments, where no name is accepted.
  func bindPositional(
    _ counts: ClosedRange<Int>, for function: String, _ interpreter: Interpreter
  ) throws(TemplateError) -> [Value] {
    guard keyword.count == 0 else { throw interpreter.fail("\(function) takes no keyword arguments") }
    guard counts.contains(positional.count) else {
      throw interpreter.fail("\(function) does not take \(positional.count) arguments")
    }
    return positional
  }
}
