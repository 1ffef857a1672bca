/// Runs a parsed template once.
///
/// Every operation is counted against the limits, so that no template can run for long, grow without bound or nest
/// so deeply that the stack ends.
final class Interpreter {
  private let syntax: TemplateSyntax
  let limits: TemplateLimits
  /// Seconds since 1970 that `strftime_now` shows; nil for the system's clock.
  let now: Int?
  /// The line being evaluated.
  var line = 1
  private var stepsLeft: Int
  private var depth = 0
  private var output = ""
  /// Holders of values that may hold each other in circles, to be emptied at the end.
  private var namespaces: [Namespace] = []
  private var capturedScopes: [Scope] = []

  init(_ syntax: TemplateSyntax, limits: TemplateLimits, now: Int?) {
    self.syntax = syntax
    self.limits = limits
    self.now = now
    stepsLeft = limits.steps
  }

  /// Renders the template with the variables.
  func render(_ variables: [String: Value]) throws(TemplateError) -> String {
    var globals: [String: Value] = [:]
    for function in GlobalFunction.allCases { globals[function.rawValue] = .function(function) }
    let outer = Scope(parent: nil, variables: globals.merging(variables) { $1 })
    defer {
      for namespace in namespaces { namespace.attributes = DictionaryValue() }
      for scope in capturedScopes { scope.variables = [:] }
    }
    let root = scope(for: syntax.root, parent: outer)
    _ = try run(syntax.root.statements, root)
    return output
  }

  // MARK: Errors and limits

  func fail(_ message: String) -> TemplateError { TemplateError(.operation, line: line, message) }

  func unsupported(_ what: String) -> TemplateError { TemplateError(.unsupported, line: line, what) }

  func overLimit(_ message: String) -> TemplateError { TemplateError(.limit, line: line, message) }

  /// Counts steps of work.
  func charge(_ steps: Int) throws(TemplateError) {
    stepsLeft -= min(max(steps, 0), limits.steps)
    if stepsLeft < 0 { throw overLimit("the template takes more than \(limits.steps) steps") }
  }

  /// Refuses a string over the limit.
  func checkSize(bytes: Int) throws(TemplateError) {
    guard bytes <= limits.stringBytes else { throw overLimit("a string of more than \(limits.stringBytes) bytes") }
  }

  /// The same, and counts the work of making the string: a step for 32 bytes.
  func checkText(bytes: Int) throws(TemplateError) {
    try checkSize(bytes: bytes)
    try charge(bytes / 32)
  }

  func checkCount(_ count: Int) throws(TemplateError) {
    guard count <= limits.elements else { throw overLimit("a list of more than \(limits.elements) elements") }
  }

  func checkDepth(_ depth: Int) throws(TemplateError) {
    guard depth <= TemplateLimits.valueDepth else {
      throw overLimit("values nested more than \(TemplateLimits.valueDepth) levels deep")
    }
  }

  /// Counts an evaluation inside others; `leave` ends it.
  func enter() throws(TemplateError) {
    try charge(1)
    guard depth < TemplateLimits.evaluationDepth else {
      throw overLimit("more than \(TemplateLimits.evaluationDepth) evaluations inside each other")
    }
    depth += 1
  }

  func leave() { depth -= 1 }

  func string(_ text: String) throws(TemplateError) -> Value {
    try checkText(bytes: text.utf8.count)
    return .string(text)
  }

  func list(_ items: [Value]) throws(TemplateError) -> Value { .list(try checked(items)) }

  func tuple(_ items: [Value]) throws(TemplateError) -> Value { .tuple(try checked(items)) }

  private func checked(_ items: [Value]) throws(TemplateError) -> ValueList {
    try checkCount(items.count)
    try charge(items.count)
    let list = ValueList(items)
    try checkDepth(list.depth)
    return list
  }

  func makeNamespace() throws(TemplateError) -> Namespace {
    try charge(16)
    let namespace = Namespace()
    namespaces.append(namespace)
    return namespace
  }

  // MARK: Frames

  func scope(for frame: Frame, parent: Scope) -> Scope {
    let names = syntax.hiddenNames
    return Scope(parent: parent, hidden: names.indices.contains(frame.id) ? names[frame.id] : [])
  }

  /// Runs a body and returns what it printed; nil when a `break` or `continue` left it.
  func captured(_ body: () throws(TemplateError) -> Flow) throws(TemplateError) -> (text: String, flow: Flow) {
    let outer = output
    output = ""
    let flow = try body()
    let text = output
    output = outer
    return (text, flow)
  }

  func write(_ text: String) throws(TemplateError) {
    guard output.utf8.count + text.utf8.count <= limits.stringBytes else {
      throw overLimit("more than \(limits.stringBytes) bytes of output")
    }
    try charge(text.utf8.count / 32)
    output += text
  }

  /// How a statement ended.
  enum Flow { case normal, breakLoop, continueLoop }

  func run(_ statements: [Statement], _ scope: Scope) throws(TemplateError) -> Flow {
    try enter()
    defer { leave() }
    for statement in statements {
      let flow = try run(statement, scope)
      if flow != .normal { return flow }
    }
    return .normal
  }

  private func run(_ statement: Statement, _ scope: Scope) throws(TemplateError) -> Flow {
    try charge(1)
    line = statement.line
    switch statement.kind {
    case .text(let text): try write(text)
    case .output(let expression): try write(try printed(try evaluate(expression, scope)))
    case .conditional(let branches, let otherwise):
      for branch in branches where try evaluate(branch.test, scope).isTrue { return try run(branch.body, scope) }
      return try run(otherwise, scope)
    case .loop(let loop): return try run(loop, scope)
    case .assignment(let target, let value): try runAssignment(target, value, scope)
    case .capture(let target, let filter, let body): return try runCapture(target, filter, body, scope)
    case .macro(let name, let definition): scope.variables[name] = try makeMacro(name, definition, scope)
    case .callBlock(let definition, let call): try runCallBlock(definition, call, scope)
    case .filterBlock(let filter, let body):
      let inner = self.scope(for: body, parent: scope)
      let (text, flow) = try captured { () throws(TemplateError) in try run(body.statements, inner) }
      guard flow == .normal else { return flow }
      try write(try printed(try evaluate(filter, inner, input: .string(text))))
    case .with(let pairs, let body):
      let inner = self.scope(for: body, parent: scope)
      for pair in pairs { try assign(pair.target, try evaluate(pair.value, scope), inner) }
      return try run(body.statements, inner)
    case .generation(let body): _ = try run(body.statements, self.scope(for: body, parent: scope))
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .normal
  }

  private func runAssignment(_ target: AssignmentTarget, _ value: Expression, _ scope: Scope) throws(TemplateError) {
    try checkNamespaces(in: target, scope)
    try assign(target, try evaluate(value, scope), scope)
  }

  private func runCapture(
    _ target: AssignmentTarget, _ filter: Expression?, _ body: Frame, _ scope: Scope
  ) throws(TemplateError) -> Flow {
    let inner = self.scope(for: body, parent: scope)
    let (text, flow) = try captured { () throws(TemplateError) in try run(body.statements, inner) }
    guard flow == .normal else { return flow }
    let value = try filter.map { filter throws(TemplateError) in try evaluate(filter, inner, input: .string(text)) }
    try checkNamespaces(in: target, scope)
    try assign(target, value ?? .string(text), scope)
    return .normal
  }

  private func runCallBlock(_ definition: MacroDefinition, _ call: Expression, _ scope: Scope) throws(TemplateError) {
    guard case .call(let function, let arguments) = call.kind else { return }
    let caller = try makeMacro("caller", definition, scope)
    let callee = try evaluate(function, scope)
    let values = try evaluate(arguments, scope)
    guard values.keyword.value(named: "caller") == nil else { throw fail("'caller' is given twice") }
    values.keyword.set("caller", to: caller)
    try write(try printed(try self.call(callee, values)))
  }

  private func makeMacro(_ name: String, _ definition: MacroDefinition, _ scope: Scope) throws(TemplateError) -> Value {
    try charge(16)
    capturedScopes.append(scope)
    return .macro(Macro(name: name, definition: definition, scope: scope))
  }

  // MARK: Loops

  private func run(_ loop: Statement.Loop, _ scope: Scope) throws(TemplateError) -> Flow {
    let iterated = try evaluate(loop.iterated, scope)
    var source = try iterate(iterated)
    var length = loop.test == nil ? try knownLength(of: iterated) : nil
    if let test = loop.test {
      let unfiltered = source
      source = LazyIterator(depth: unfiltered.depth) { [self] () throws(TemplateError) in
        while let item = try unfiltered.next() {
          let inner = Scope(parent: scope)
          try assign(loop.target, item, inner)
          if try evaluate(test, inner).isTrue { return item }
        }
        return nil
      }
      length = nil
    }
    let state = LoopState(source, length: length)
    defer { state.end() }
    var isEmpty = true
    while let item = try state.advance() {
      try charge(1)
      let inner = self.scope(for: loop.body, parent: scope)
      try assign(loop.target, item, inner)
      if loop.readsLoop { inner.variables["loop"] = .loop(state) }
      let flow = try run(loop.body.statements, inner)
      if flow == .breakLoop {
        // Like Jinja: a body that was left by `continue` or `break` does not count for `else`.
        break
      }
      if flow == .normal { isEmpty = false }
    }
    guard isEmpty, let otherwise = loop.otherwise else { return .normal }
    return try run(otherwise.statements, self.scope(for: otherwise, parent: scope))
  }

  // MARK: Assignment

  private func checkNamespaces(in target: AssignmentTarget, _ scope: Scope) throws(TemplateError) {
    switch target {
    case .name: break
    case .namespaceAttribute(let name, _):
      guard case .namespace? = scope.lookUp(name) else {
        throw fail("'\(name)' is not a namespace: its attributes cannot be assigned")
      }
    case .tuple(let targets): for target in targets { try checkNamespaces(in: target, scope) }
    }
  }

  func assign(_ target: AssignmentTarget, _ value: Value, _ scope: Scope) throws(TemplateError) {
    switch target {
    case .name(let name): scope.variables[name] = value
    case .namespaceAttribute(let name, let attribute):
      guard case .namespace(let namespace)? = scope.lookUp(name) else { throw fail("'\(name)' is not a namespace") }
      try set(attribute, of: namespace, to: value)
    case .tuple(let targets):
      let items = try allItems(of: value)
      guard items.count == targets.count else {
        throw fail("\(items.count) values cannot be unpacked into \(targets.count) names")
      }
      for (target, item) in zip(targets, items) { try assign(target, item, scope) }
    }
  }

  func set(_ attribute: String, of namespace: Namespace, to value: Value) throws(TemplateError) {
    guard !attribute.hasPrefix("_") else { throw fail("a namespace cannot have the attribute '\(attribute)'") }
    namespace.attributes.set(attribute, to: value)
    try checkDepth(namespace.attributes.depth)
  }
}
