/// Bounds on what a chat template may cost. Templates come with model files and are not trusted.
package struct TemplateLimits: Sendable, Equatable {
  /// Evaluation steps; work on long strings and lists counts in proportion.
  package var steps = 5_000_000
  /// Bytes of UTF-8 in any one string, the rendered prompt included.
  package var stringBytes = 16 << 20
  /// Elements in any one list, tuple or dictionary.
  package var elements = 1_000_000
  /// Bytes of template source.
  package var sourceBytes = 1 << 20

  /// The limits that rendering uses unless told otherwise.
  package static let standard = TemplateLimits()

  /// Makes the standard limits, to be changed field by field.
  package init() {}

  /// Longest `range()`, as in Jinja's sandbox.
  static let rangeLength = 100_000
  /// Nesting of values (lists in lists, filters over filters), of expressions and of statements. Each level costs
  /// stack, also when it is released, so these are fixed.
  static let valueDepth = 100
  static let expressionHeight = 100
  static let statementDepth = 50
  /// Evaluations under way at once, over all macros that call each other.
  static let evaluationDepth = 300
}
