import TestSupport
import Testing

@testable import TesseraText

@Suite("Grammars: schemas that must hold together")
struct GrammarMergingTests {
  private func code(_ body: () throws -> Grammar) -> GrammarError.Code? {
    do { _ = try body() } catch { return (error as? GrammarError)?.code }
    return nil
  }

  private func accepted(_ schema: String, _ texts: [String]) throws -> [String] {
    var recognizer = GrammarRecognizer(try .jsonSchema(schema))
    return try texts.filter { try recognizer.accepts($0.utf8) }
  }

  private func list(_ count: Int, _ item: (Int) -> String) -> String {
    "[" + (0..<count).map(item).joined(separator: ",") + "]"
  }

  @Test("what takes too long is refused, and soon", .timeLimit(.minutes(60)))
  func bounds() {
    let names = list(2_000) { "\"name\($0)\"" }
    let properties = (0..<1_000).map { "\"name\($0)\":{\"type\":\"integer\"}" }.joined(separator: ",")
    let values = list(50_000) { "\($0)" }
    let (empty, same) = (list(3_000) { _ in "{}" }, list(3_000) { _ in ##"{"$ref":"#/$defs/a"}"## })
    func required(_ name: String) -> Substring { list(3_000) { _ in "{\"required\":[\"\(name)\"]}" }.dropFirst() }
    let schemas = [
      #"{"type":"object","allOf":[{"required":\#(list(60_000) { "\"n\($0)\"" })},\#(required("x"))}"#,
      #"{"type":"object","allOf":[{"required":\#(names)},\#(required("name7"))}"#,
      #"{"type":"object","properties":{\#(properties)},"anyOf":\#(empty)}"#,
      ##"{"$defs":{"a":{"properties":{\##(properties)}}},"allOf":\##(same)}"##,
      ##"{"$defs":{"a":{"enum":\##(values)}},"allOf":\##(same)}"##,
      ##"{"$defs":{"a":{"items":{"enum":\##(values)}}},"allOf":\##(same)}"##,
      #"{"oneOf":\#(list(40) { option in "{\"enum\":\(list(2_000) { "\(option * 2_000 + $0)" })}" })}"#,
      #"{"pattern":"\#(String(repeating: "a", count: 19_000))","anyOf":\#(empty)}"#,
      #"{"properties":{"\#(String(repeating: "a", count: 500_000))":{"anyOf":\#(empty)}}}"#,
      #"{"type":"object","required":\#(list(2_001) { "\"name\($0)\"" })}"#,
      #"{"type":"object","allOf":[{"required":\#(names)},{"required":["x"]}]}"#,
    ]
    for schema in schemas {
      let start = processorTime()
      #expect(code { try .jsonSchema(schema) } == .tooComplex, "\(schema.prefix(60))")
      // With bounds they take seconds at most, without a minute and more.
      #expect(processorTime() - start < .seconds(30), "\(schema.prefix(60))")
    }
  }

  @Test("the schemas of several calls share their bounds")
  func boundsOfCalls() throws {
    let names = list(2_000) { "\"name\($0)\"" }
    let part = list(250) { _ in #"{"required":["name7"]}"# }.dropFirst()
    let schema = #"{"type":"string","allOf":[{"required":\#(names)},\#(part)}"#
    var tools = TriggeredGrammar(trigger: "<call>", calls: [.init(opening: "", schema: schema, closing: "")])
    _ = try tools.grammar()
    tools.calls = [TriggeredGrammar.Call](repeating: tools.calls[0], count: 10)
    #expect(code { try tools.grammar() } == .tooComplex)
  }

  @Test("a reading that was cancelled ends")
  func cancellation() async {
    let code = await Task { () -> GrammarError.Code? in
      withUnsafeCurrentTask { $0?.cancel() }
      return self.code { try .jsonSchema(#"{"type":"object"}"#) }
    }.value
    #expect(code == .tooComplex)
  }

  @Test("the first items are what either schema says of them")
  func firstItems() throws {
    let prefix = #"{"type":"array","prefixItems":[{"type":"string","maxLength":2}],"minItems":2,"maxItems":2}"#
    #expect(code { try .jsonSchema(#"{"allOf":[\#(prefix),{"items":{"type":"integer"}}]}"#) } == .unsatisfiable)
    #expect(code { try .jsonSchema(#"{"allOf":[{"items":{"type":"integer"}},\#(prefix)]}"#) } == .unsatisfiable)
    #expect(
      code { try .jsonSchema(#"{"type":"array","items":{"type":"integer"},"anyOf":[\#(prefix)]}"#) } == .unsatisfiable)
    let texts = ["[]", "[5]", "[1]", "[5,true]", "[5,3]", "[5,true,null]", "[5,true,2]", "[1,true]"]
    let numbers = #"{"type":"array","items":{"type":["integer","boolean"]}}"#
    let both = #"{"prefixItems":[{"type":"integer","minimum":4},{"type":"boolean"}]}"#
    for schema in [
      #"{"allOf":[\#(numbers),\#(both)]}"#, #"{"allOf":[\#(both),\#(numbers)]}"#,
      #"{"type":"array","items":{"type":["integer","boolean"]},"anyOf":[\#(both)]}"#,
    ] {
      #expect(try accepted(schema, texts) == ["[]", "[5]", "[5,true]", "[5,true,2]"], "\(schema)")
    }
    let two = #"{"prefixItems":[{"type":"integer"},{"enum":[1,2]}],"items":false}"#
    let least = #"{"allOf":[\#(two),{"prefixItems":[{"minimum":2,"type":"number"}]}]}"#
    #expect(try accepted(least, ["[1]", "[2]", "[2.5]", "[2,1]", "[2,3]", "[2,1,1]"]) == ["[2]", "[2,1]"])
    #expect(code { try .jsonSchema(#"{"allOf":[{"prefixItems":3},{"items":{}}]}"#) } == .malformed)
  }

  @Test("constants, and numbers by their values")
  func constants() throws {
    for schema in [
      #"{"allOf":[{"const":1},{"const":2,"enum":[1,2]}]}"#, #"{"allOf":[{"const":1},{"enum":[1,2],"const":2}]}"#,
      #"{"allOf":[{"enum":[1,2],"const":1},{"const":2}]}"#, #"{"const":1,"allOf":[false,{"enum":[1]}]}"#,
    ] {
      #expect(code { try .jsonSchema(schema) } == .unsatisfiable, "\(schema)")
    }
    #expect(try accepted(#"{"allOf":[{"const":1},{"const":1.0}]}"#, ["1", "2"]) == ["1"])
    #expect(
      try accepted(
        #"{"allOf":[{"enum":[1,2,[3,{"a":4}]]},{"enum":[1.0,[3.0,{"a":4.0}]]}]}"#, ["1", "2", #"[3,{"a":4}]"#])
        == ["1", #"[3,{"a":4}]"#])
    #expect(try accepted(#"{"const":1.0,"enum":[1,2]}"#, ["1", "2"]) == ["1"])
    #expect(code { try .jsonSchema(#"{"oneOf":[{"const":1},{"enum":[2,1.0]}]}"#) } == .unsupported)
    #expect(
      try accepted(
        #"{"allOf":[{"type":"integer","maximum":9007199254740993},{"maximum":9007199254740992}]}"#,
        ["9007199254740992", "9007199254740993"]) == ["9007199254740992"])
  }

  @Test("null is possible where all schemas have it")
  func nullable() throws {
    let texts = ["null", "\"a\"", "\"abc\""]
    let (some, none) = (#"{"type":"string","nullable":true}"#, #"{"type":"string","maxLength":2}"#)
    #expect(try accepted(some, texts) == texts)
    #expect(try accepted(#"{"allOf":[\#(some),\#(none)]}"#, texts) == ["\"a\""])
    #expect(try accepted(#"{"allOf":[\#(none),\#(some)]}"#, texts) == ["\"a\""])
    #expect(try accepted(#"{"type":"string","nullable":true,"allOf":[\#(none)]}"#, texts) == ["\"a\""])
    #expect(
      try accepted(#"{"description":"x","x-y":1,"allOf":[\#(some),{"maxLength":2,"nullable":true}]}"#, texts)
        == ["null", "\"a\""])
    #expect(code { try .jsonSchema(#"{"nullable":true,"allOf":[false]}"#) } == .unsatisfiable)
  }
}
