/// What an answer must be once it has a trigger in it, such as the marker of a tool call.
package struct TriggeredGrammar {
  /// What may follow the trigger: a text, a document, a text.
  package struct Call {
    package var opening: String
    /// A JSON schema.
    package var schema: String
    package var closing: String

    package init(opening: String, schema: String, closing: String) {
      (self.opening, self.schema, self.closing) = (opening, schema, closing)
    }
  }

  package var trigger: String
  /// Whether the trigger is a control token's text.
  package var isControlToken = false
  package var calls: [Call]
  /// Whether the answer is one call or more, and nothing else; if not, other text may stand around calls.
  package var isRequired = false

  package init(trigger: String, calls: [Call]) { (self.trigger, self.calls) = (trigger, calls) }

  /// - Throws: `GrammarError` as for schemas; `.malformed` without a trigger or without calls.
  package func grammar() throws(GrammarError) -> Grammar {
    guard !trigger.isEmpty, !calls.isEmpty else {
      throw GrammarError(.malformed, "a grammar behind a trigger needs a trigger, and what follows it")
    }
    var rules = GrammarRules()
    var options: [GrammarNode] = []
    for call in calls {
      let document = try JSONSchemaReader.node(of: try JSONSchemaReader.value(call.schema), in: &rules)
      options.append(.sequence([.text(call.opening), document, .text(call.closing)]))
    }
    let call = try rules.add(.choice(options))
    let mark = isControlToken ? [TokenTrie.controlMark] : []
    let trigger = mark + Array(trigger.utf8) + mark
    if isRequired {
      let next = GrammarNode.sequence([.repeated(.set(" \n"), 0, 2), .text(trigger), call])
      return try rules.grammar(.sequence([.text(trigger), call, .repeated(next, 0, nil)]))
    }
    let text = try Self.text(around: trigger, call, &rules)
    return try rules.grammar(text)
  }

  /// Any text; behind each trigger stands a call. A rule for each beginning of the trigger that may have been read.
  private static func text(
    around trigger: [UInt8], _ call: GrammarNode, _ rules: inout GrammarRules
  ) throws(GrammarError) -> GrammarNode {
    var numbers: [Int] = []
    for _ in trigger { numbers.append(try rules.declare()) }
    for (read, number) in numbers.enumerated() {
      // Of each byte how much of the trigger has been read behind it.
      var next: [Int: ByteSet] = [:]
      for byte in UInt8.min...UInt8.max where byte < 0xF5 || byte == trigger[read] {
        let text = trigger[..<read] + [byte]
        let length =
          (0...min(text.count, trigger.count)).last { text.suffix($0).elementsEqual(trigger.prefix($0)) } ?? 0
        next[length, default: ByteSet()].insert(byte)
      }
      let options = next.sorted { $0.key < $1.key }.map { length, bytes -> GrammarNode in
        length == trigger.count
          ? .sequence([.bytes(bytes), call, .rule(numbers[0])]) : .sequence([.bytes(bytes), .rule(numbers[length])])
      }
      rules.define(number, .choice([.empty] + options))
    }
    return .rule(numbers[0])
  }
}
