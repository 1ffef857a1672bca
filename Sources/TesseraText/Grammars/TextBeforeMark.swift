/// Any text up to a mark, such as the marker of a tool call or the end of a thought.
struct TextBeforeMark {
  private let mark: [UInt8]
  /// Of each beginning of the mark that may have been read: how much of it has been read behind another byte.
  private let steps: [[(length: Int, bytes: ByteSet)]]

  init(_ text: String, isControlToken: Bool) throws(GrammarError) {
    guard !text.isEmpty else { throw GrammarError(.malformed, "a mark in a text needs a text of its own") }
    let ends = isControlToken ? [TokenTrie.controlMark] : []
    let mark = ends + Array(text.utf8) + ends
    self.mark = mark
    steps = mark.indices.map { read in
      var next: [Int: ByteSet] = [:]
      for byte in UInt8.min...UInt8.max where byte < 0xF5 || byte == mark[read] {
        let text = mark[..<read] + [byte]
        let length = (0...text.count).last { text.suffix($0).elementsEqual(mark.prefix($0)) } ?? 0
        next[length, default: ByteSet()].insert(byte)
      }
      return next.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
  }

  /// The mark alone.
  var node: GrammarNode { .text(mark) }

  /// - Parameters:
  ///   - next: what stands behind the mark; nil: the mark may not come.
  ///   - isOptional: whether the text may end without the mark.
  func text(
    before next: GrammarNode?, isOptional: Bool, _ rules: inout GrammarRules
  ) throws(GrammarError) -> GrammarNode {
    var numbers: [Int] = []
    for _ in mark { numbers.append(try rules.declare()) }
    for (number, steps) in zip(numbers, steps) {
      var options: [GrammarNode] = isOptional ? [.empty] : []
      for (length, bytes) in steps {
        if length < mark.count {
          options.append(.sequence([.bytes(bytes), .rule(numbers[length])]))
        } else if let next {
          options.append(.sequence([.bytes(bytes), next]))
        }
      }
      rules.define(number, .choice(options))
    }
    return .rule(numbers[0])
  }
}

extension Grammar {
  /// Any text up to the end of a thought, two spaces or new lines at most, and a text of this grammar.
  /// - Throws: `GrammarError` without an end, and where both are too large.
  package func behindThought(_ end: String, isControlToken: Bool) throws(GrammarError) -> Grammar {
    var rules = GrammarRules()
    let answer = try rules.declare()
    let space = GrammarNode.repeated(.set(" \n"), 0, 2)
    let text = try TextBeforeMark(end, isControlToken: isControlToken).text(
      before: .sequence([space, .rule(answer)]), isOptional: false, &rules)
    return try rules.grammar(text, with: (answer, self))
  }
}
