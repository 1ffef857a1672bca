import TesseraJSON
import Testing

@testable import TesseraText

@Suite("Chat templates beside transformers")
struct RenderedTemplateTests {
  @Test(
    "every template renders, or refuses, every conversation as transformers does", arguments: TemplateFixtures.templates
  )
  func rendered(name: String) throws {
    let conversations = try TemplateFixtures.object("conversations.json")
    let template = try ChatTemplate(source: try TemplateFixtures.text("\(name).jinja"))
    var count = 0
    for fixture in try TemplateFixtures.objects("rendered.json") where fixture["template"] == .string(name) {
      let key = try #require(fixture["conversation"]?.stringValue)
      let document = try #require(conversations[key]?.objectValue)
      let messages = try #require(document["messages"]?.arrayValue)
      var variables = try #require(fixture["variables"]?.objectValue)
      let bos = variables["bos_token"]?.stringValue
      let eos = variables["eos_token"]?.stringValue
      variables["bos_token"] = nil
      variables["eos_token"] = nil
      let outcome = Outcome { () throws(TemplateError) in
        try template.render(
          messages: messages, tools: document["tools"]?.arrayValue,
          addGenerationPrompt: fixture["generation"] == .bool(true), bosToken: bos, eosToken: eos,
          variables: variables)
      }
      #expect(try outcome == Outcome(expected: fixture), "\(name), \(key)")
      count += 1
    }
    #expect(count >= 17)
  }

  @Test("small templates give what jinja2 gives, or are errors where it has one")
  func expressions() throws {
    let variables = try TemplateFixtures.object("variables.json")
    let fixtures = try TemplateFixtures.objects("expressions.json")
    for fixture in fixtures {
      let source = try #require(fixture["source"]?.stringValue)
      let outcome = Outcome { () throws(TemplateError) in try render(source, variables) }
      #expect(try outcome == Outcome(expected: fixture), "\(source)")
    }
    #expect(fixtures.count > 800)
  }

  /// Renders with nothing but the given variables, as the fixture script does.
  private func render(_ source: String, _ variables: JSONObject) throws(TemplateError) -> String {
    var values: [String: Value] = [:]
    for (name, value) in variables.members { values[name] = try Value(value, level: 0) }
    return try Interpreter(try Parser.parse(source), limits: .standard, now: nil).render(values)
  }
}
