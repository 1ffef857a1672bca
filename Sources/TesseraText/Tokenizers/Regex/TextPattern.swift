/// A compiled pattern, with which text is searched from left to right.
///
/// Matching never goes back, but a search can look at the same text again for each place where a match may begin; the
/// steps of a search are therefore counted, and a pattern that takes too many is an error.
struct TextPattern: Sendable {
  private let automaton: PatternAutomaton
  let origin: Origin

  /// The source of a pattern.
  enum Origin: Sendable, Equatable {
    case expression(String), text(String), set(ScalarSet)

    var description: String {
      switch self {
      case .expression(let text), .text(let text): text
      case .set: "a set of characters"
      }
    }
  }

  /// For messages.
  var description: String { origin.description }

  /// Compiles a regular expression.
  init(_ expression: String, table: UnicodeTable = .version16) throws(TextError) {
    try Self.check(length: expression.utf8.count)
    do {
      var parser = PatternParser(expression, table: table)
      let node = try parser.parse()
      automaton = try PatternAutomaton(PatternProgram(node))
    } catch {
      throw TextError(
        .unsupportedPattern,
        "the pattern \(TextError.quoted(Array(expression.utf8))) is not supported: \(error.problem)")
    }
    origin = .expression(expression)
  }

  /// A pattern of one scalar of a set.
  init(_ set: ScalarSet) throws(TextError) {
    try self.init(.set(set), .set(set))
  }

  /// A pattern of a text as it stands.
  init(literal: String) throws(TextError) {
    try Self.check(length: literal.utf8.count)
    try self.init(.sequence(literal.unicodeScalars.map { .set(ScalarSet($0)) }), .text(literal))
  }

  private static func check(length: Int) throws(TextError) {
    guard length <= 1 << 16 else {
      throw TextError(.unsupportedPattern, "a pattern of \(length) bytes is longer than any model's")
    }
  }

  private init(_ node: PatternNode, _ origin: Origin) throws(TextError) {
    self.origin = origin
    do {
      automaton = try PatternAutomaton(PatternProgram(node))
    } catch {
      throw TextError(
        .unsupportedPattern,
        "the text \(TextError.quoted(Array(origin.description.utf8))) is not supported: \(error.problem)")
    }
  }

  /// The steps that one search may take.
  static func stepLimit(bytes: Int) -> Int { 256 * (bytes + 4_096) }

  /// Calls `body` with the start and end of each match in `range`, which is looked at as if it were the whole text.
  ///
  /// Matches are in order and do not overlap; they may be empty.
  /// - Returns: false if the search took more than `steps` steps, which it takes off.
  @inline(__always)
  func search(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, steps: inout Int, _ body: (Int, Int) -> Void
  ) -> Bool {
    automaton.transitions.withUnsafeBufferPointer { table in
      var start = range.lowerBound
      var previous = ScalarClasses.edge
      var lastEnd = -1
      while start <= range.upperBound {
        var state = automaton.starts[previous]
        var position = start
        var before = previous
        var end = -1
        var beforeEnd = previous
        while true {
          steps -= 1
          let (group, next) = group(text, position, range.upperBound)
          let entry = table[state * automaton.groupCount + group]
          if entry & 1 != 0 { (end, beforeEnd) = (position, before) }
          state = Int(entry >> 1)
          if state == PatternAutomaton.dead || position == range.upperBound { break }
          position = next
          before = group
        }
        if steps < 0 { return false }
        if end > start || end == start && lastEnd != start {
          body(start, end)
          lastEnd = end
        }
        if end > start {
          (start, previous) = (end, beforeEnd)
        } else {
          if start == range.upperBound { break }
          let (group, next) = group(text, start, range.upperBound)
          (start, previous) = (next, group)
        }
      }
      return true
    }
  }

  /// The group of the scalar at `position`, and where the next one begins.
  @inline(__always)
  private func group(_ text: UnsafeBufferPointer<UInt8>, _ position: Int, _ end: Int) -> (Int, Int) {
    if position >= end { return (ScalarClasses.edge, position) }
    let (value, length) = UTF8Scan.scalar(text, position, end)
    return (automaton.classes[value], position + length)
  }
}
