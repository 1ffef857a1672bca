/// An expression of a template with the line where it starts.
struct Expression: Sendable {
  let line: Int
  /// Levels of expressions under this one, counting itself. Bounded, as evaluating and freeing one recurses.
  let height: Int
  let kind: Kind

  indirect enum Kind: Sendable {
    case constant(Literal)
    case name(String)
    case list([Expression])
    case tuple([Expression])
    case dictionary([(key: Expression, value: Expression)])
    case unary(UnaryOperator, Expression)
    case binary(BinaryOperator, Expression, Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case not(Expression)
    case compare(Expression, [(operation: CompareOperator, operand: Expression)])
    case concatenation([Expression])
    case attribute(Expression, String)
    case element(Expression, Expression)
    case slice(Expression, SliceBounds)
    case call(Expression, CallArguments)
    /// A filter; its input is the captured text where it heads a `filter` or `set` block.
    case filter(Expression?, String, CallArguments)
    case test(Expression, String, CallArguments)
    case conditional(test: Expression, then: Expression, otherwise: Expression?)
  }
}

enum Literal: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(String)
}

enum UnaryOperator: Sendable { case plus, minus }

enum BinaryOperator: String, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case floorDivide = "//"
  case modulo = "%"
  case power = "**"
}

enum CompareOperator: String, Sendable {
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case contained = "in"
  case notContained = "not in"
}

struct SliceBounds: Sendable {
  var start: Expression?
  var stop: Expression?
  var step: Expression?

  var parts: [Expression] { [start, stop, step].compactMap { $0 } }
}

struct CallArguments: Sendable {
  var positional: [Expression] = []
  var keyword: [(name: String, value: Expression)] = []
  /// `*values`
  var unpackedPositional: Expression?
  /// `**values`
  var unpackedKeyword: Expression?

  var parts: [Expression] {
    positional + keyword.map(\.value) + [unpackedPositional, unpackedKeyword].compactMap { $0 }
  }
}

/// The left side of an assignment.
indirect enum AssignmentTarget: Sendable {
  case name(String)
  case namespaceAttribute(String, String)
  case tuple([AssignmentTarget])
}

/// A piece of a template with the line where it starts.
struct Statement: Sendable {
  let line: Int
  let kind: Kind

  indirect enum Kind: Sendable {
    case text(String)
    case output(Expression)
    case conditional(branches: [(test: Expression, body: [Statement])], otherwise: [Statement])
    case loop(Loop)
    case assignment(AssignmentTarget, Expression)
    case capture(AssignmentTarget, filter: Expression?, body: Frame)
    case macro(String, MacroDefinition)
    case callBlock(MacroDefinition, call: Expression)
    case filterBlock(Expression, body: Frame)
    case with([(target: AssignmentTarget, value: Expression)], body: Frame)
    case generation(Frame)
    case breakLoop
    case continueLoop
  }

  struct Loop: Sendable {
    let target: AssignmentTarget
    let iterated: Expression
    let test: Expression?
    let body: Frame
    let otherwise: Frame?
    /// Whether the body reads `loop`.
    let readsLoop: Bool
  }
}

/// Statements with variables of their own. `id` counts frames from 0 (the template itself).
struct Frame: Sendable {
  let id: Int
  let statements: [Statement]
}

struct MacroDefinition: Sendable {
  let parameters: [String]
  /// Default values of the last parameters.
  let defaults: [Expression]
  let body: Frame
  /// Whether the body reads `caller`, `varargs` or `kwargs` without a parameter of that name.
  let readsCaller: Bool
  let readsVarargs: Bool
  let readsKwargs: Bool

  func defaultValue(at index: Int) -> Expression? {
    let position = index - (parameters.count - defaults.count)
    return defaults.indices.contains(position) ? defaults[position] : nil
  }
}

/// A parsed template.
struct TemplateSyntax: Sendable {
  let root: Frame
  /// For each frame, the names that start undefined in it whatever the caller passed (see `ScopeAnalysis`).
  let hiddenNames: [Set<String>]
  /// The strings that stand in expressions.
  let stringLiterals: Set<String>
}
