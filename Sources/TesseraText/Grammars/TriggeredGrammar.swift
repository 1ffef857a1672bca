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
  /// How many calls there may be at most; nil: any number.
  package var mostCalls: Int?

  package init(trigger: String, calls: [Call]) { (self.trigger, self.calls) = (trigger, calls) }

  /// - Throws: `GrammarError` as for schemas; `.malformed` without a trigger, and where no call is possible.
  package func grammar() throws(GrammarError) -> Grammar {
    guard !trigger.isEmpty, !calls.isEmpty, mostCalls ?? 1 > 0 else {
      throw GrammarError(.malformed, "a grammar behind a trigger needs a trigger, and what follows it")
    }
    var (rules, work) = (GrammarRules(), SchemaWork())
    var options: [GrammarNode] = []
    for call in calls {
      let document = try JSONSchemaReader.node(of: try JSONSchemaReader.value(call.schema), in: &rules, &work)
      options.append(.sequence([.text(call.opening), document, .text(call.closing)]))
    }
    let call = try rules.add(.choice(options))
    let trigger = try TextBeforeMark(trigger, isControlToken: isControlToken)
    if isRequired {
      let next = GrammarNode.sequence([.repeated(.set(" \n"), 0, 2), trigger.node, call])
      return try rules.grammar(.sequence([trigger.node, call, .repeated(next, 0, mostCalls.map { $0 - 1 })]))
    }
    guard let mostCalls else {
      let number = try rules.declare()
      let text = try trigger.text(before: .sequence([call, .rule(number)]), isOptional: true, &rules)
      rules.define(number, text)
      return try rules.grammar(text)
    }
    var text = try trigger.text(before: nil, isOptional: true, &rules)
    for _ in 0..<mostCalls {
      text = try trigger.text(before: .sequence([call, text]), isOptional: true, &rules)
    }
    return try rules.grammar(text)
  }
}
