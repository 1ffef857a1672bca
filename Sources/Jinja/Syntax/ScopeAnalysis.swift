/// Finds which names of a frame hide a variable of the same name from outside.
///
/// Jinja gives each frame (the template, a loop's body, a macro…) its variables when it is entered. A name that the
/// frame assigns, outside of any condition, before it reads it starts out undefined there: a macro or loop inside
/// the frame that reads it earlier sees an undefined value, even where the caller passed a variable of that name.
struct ScopeAnalysis {
  private struct Symbols {
    var known: Set<String> = []
    var hidden: Set<String> = []
    /// Whether the statements stand under a condition. What is assigned there only is looked up outside until then.
    var isConditional = false
  }

  /// The names that the frames around one know.
  private final class Surroundings {
    let known: Set<String>
    let outer: Surroundings?

    init(_ known: Set<String>, in outer: Surroundings?) {
      self.known = known
      self.outer = outer
    }

    func contains(_ name: String) -> Bool { known.contains(name) || outer?.contains(name) ?? false }
  }

  private var hidden: [Set<String>]

  static func hiddenNames(in root: Frame, frameCount: Int) -> [Set<String>] {
    var analysis = ScopeAnalysis(hidden: Array(repeating: [], count: frameCount))
    analysis.analyze(root, parameters: [], outer: nil)
    return analysis.hidden
  }

  private mutating func analyze(_ frame: Frame, parameters: [String], outer: Surroundings?) {
    var symbols = Symbols(known: Set(parameters))
    visit(frame.statements, &symbols, outer)
    if hidden.indices.contains(frame.id) { hidden[frame.id] = symbols.hidden }
    enterFrames(in: frame.statements, outer: Surroundings(symbols.known, in: outer))
  }

  // MARK: One frame

  private func visit(_ statements: [Statement], _ symbols: inout Symbols, _ outer: Surroundings?) {
    for statement in statements {
      switch statement.kind {
      case .text, .generation, .breakLoop, .continueLoop: break
      case .output(let expression), .callBlock(_, let expression), .filterBlock(let expression, _):
        load(expression, &symbols)
      case .conditional(let branches, let otherwise):
        let isConditional = symbols.isConditional
        symbols.isConditional = true
        for branch in branches {
          load(branch.test, &symbols)
          visit(branch.body, &symbols, outer)
        }
        visit(otherwise, &symbols, outer)
        symbols.isConditional = isConditional
      case .loop(let loop): load(loop.iterated, &symbols)
      case .assignment(let target, let value):
        load(value, &symbols)
        store(target, &symbols, outer)
      case .capture(let target, _, _): store(target, &symbols, outer)
      case .macro(let name, _): store(.name(name), &symbols, outer)
      case .with(let pairs, _): for pair in pairs { load(pair.value, &symbols) }
      }
    }
  }

  private func load(_ expression: Expression, _ symbols: inout Symbols) {
    expression.forEachName { symbols.known.insert($0) }
  }

  private func store(_ target: AssignmentTarget, _ symbols: inout Symbols, _ outer: Surroundings?) {
    switch target {
    case .name(let name):
      guard symbols.known.insert(name).inserted, !symbols.isConditional else { return }
      if !(outer?.contains(name) ?? false) { symbols.hidden.insert(name) }
    case .namespaceAttribute(let name, _): symbols.known.insert(name)
    case .tuple(let targets): for target in targets { store(target, &symbols, outer) }
    }
  }

  // MARK: The frames inside

  private mutating func enterFrames(in statements: [Statement], outer: Surroundings) {
    for statement in statements {
      switch statement.kind {
      case .conditional(let branches, let otherwise):
        for branch in branches { enterFrames(in: branch.body, outer: outer) }
        enterFrames(in: otherwise, outer: outer)
      case .loop(let loop):
        let parameters = loop.target.names + (loop.readsLoop ? ["loop"] : [])
        analyze(loop.body, parameters: parameters, outer: outer)
        if let otherwise = loop.otherwise { analyze(otherwise, parameters: [], outer: outer) }
      case .macro(_, let macro), .callBlock(let macro, _):
        let special = [(macro.readsCaller, "caller"), (macro.readsVarargs, "varargs"), (macro.readsKwargs, "kwargs")]
        analyze(
          macro.body, parameters: macro.parameters + special.filter(\.0).map(\.1), outer: outer)
      case .capture(_, _, let body), .filterBlock(_, let body), .generation(let body):
        analyze(body, parameters: [], outer: outer)
      case .with(let pairs, let body):
        analyze(body, parameters: pairs.flatMap(\.target.names), outer: outer)
      case .text, .output, .assignment, .breakLoop, .continueLoop: break
      }
    }
  }

  // MARK: Questions of the parser

  /// Whether a frame, or one inside it, reads a name before assigning it.
  static func reads(_ name: String, in frame: Frame) -> Bool {
    var search = NameSearch(name: name)
    search.visit(frame.statements)
    return search.isRead
  }

  /// Whether anything in a loop assigns the special name `loop`.
  static func assignsLoop(_ target: AssignmentTarget, _ frames: [Frame]) -> Bool {
    var search = NameSearch(name: "loop")
    search.store(target)
    for frame in frames { search.visit(frame.statements) }
    return search.isAssigned
  }
}

/// Walks a frame and those inside it in the order of the text, looking for one name.
private struct NameSearch {
  let name: String
  var isRead = false
  var isAssigned = false

  mutating func store(_ target: AssignmentTarget) { if target.names.contains(name) { isAssigned = true } }

  mutating func load(_ expression: Expression) {
    guard !isAssigned else { return }
    var found = false
    expression.forEachName { if $0 == name { found = true } }
    if found { isRead = true }
  }

  mutating func visit(_ statements: [Statement]) {
    for statement in statements {
      switch statement.kind {
      case .text, .breakLoop, .continueLoop: break
      case .output(let expression): load(expression)
      case .conditional(let branches, let otherwise):
        for branch in branches {
          load(branch.test)
          visit(branch.body)
        }
        visit(otherwise)
      case .loop(let loop):
        store(loop.target)
        load(loop.iterated)
        visit(loop.body.statements)
        visit(loop.otherwise?.statements ?? [])
        if let test = loop.test { load(test) }
      case .assignment(let target, let value):
        // Jinja visits the target first.
        store(target)
        load(value)
      case .capture(let target, let filter, let body):
        store(target)
        if let filter { load(filter) }
        visit(body.statements)
      case .macro(_, let macro): visit(macro)
      case .callBlock(let macro, let call):
        load(call)
        visit(macro)
      case .filterBlock(let filter, let body):
        visit(body.statements)
        load(filter)
      case .with(let pairs, let body):
        for pair in pairs { store(pair.target) }
        for pair in pairs { load(pair.value) }
        visit(body.statements)
      case .generation(let body): visit(body.statements)
      }
    }
  }

  private mutating func visit(_ macro: MacroDefinition) {
    if macro.parameters.contains(name) { isAssigned = true }
    for value in macro.defaults { load(value) }
    visit(macro.body.statements)
  }
}

extension AssignmentTarget {
  /// The variables that this assigns.
  var names: [String] {
    switch self {
    case .name(let name): [name]
    case .namespaceAttribute: []
    case .tuple(let targets): targets.flatMap(\.names)
    }
  }
}

extension Expression {
  /// Calls `visit` with every variable that this reads.
  func forEachName(_ visit: (String) -> Void) {
    if case .name(let name) = kind { visit(name) }
    for part in parts { part.forEachName(visit) }
  }

  /// The expressions that this is made of.
  private var parts: [Expression] {
    switch kind {
    case .constant, .name: []
    case .list(let items), .tuple(let items), .concatenation(let items): items
    case .dictionary(let pairs): pairs.flatMap { [$0.key, $0.value] }
    case .unary(_, let operand), .not(let operand), .attribute(let operand, _): [operand]
    case .binary(_, let left, let right), .and(let left, let right), .or(let left, let right): [left, right]
    case .compare(let first, let operations): [first] + operations.map(\.operand)
    case .element(let value, let key): [value, key]
    case .slice(let value, let bounds): [value] + bounds.parts
    case .call(let function, let arguments): [function] + arguments.parts
    case .filter(let input, _, let arguments): (input.map { [$0] } ?? []) + arguments.parts
    case .test(let input, _, let arguments): [input] + arguments.parts
    case .conditional(let test, let then, let otherwise): [then, test] + (otherwise.map { [$0] } ?? [])
    }
  }
}
