import Jinja
import TesseraJSON
import TestSupport
import Testing

@testable import TesseraText

@Suite("Chat templates beside transformers")
struct RenderedTemplateTests {
  @Test(
    "every template renders, or refuses, every conversation as transformers does", arguments: TemplateFixtures.templates
  )
  func rendered(name: String) throws {
    let conversations = try TemplateFixtures.conversations()
    let template = try ChatTemplate(source: try TemplateFixtures.text("\(name).jinja"))
    var count = 0
    for fixture in try TemplateFixtures.rendered(name) {
      let key = try #require(fixture["conversation"]?.stringValue)
      let document = try #require(conversations[key]?.objectValue)
      let messages = try #require(document["messages"]?.arrayValue)
      var variables = try #require(fixture["variables"]?.objectValue)
      let bos = variables["bos_token"]?.stringValue
      let eos = variables["eos_token"]?.stringValue
      variables["bos_token"] = nil
      variables["eos_token"] = nil
      let outcome = outcome { () throws(TemplateError) in
        try template.render(
          messages: messages, tools: document["tools"]?.arrayValue,
          addGenerationPrompt: fixture["generation"] == .bool(true), bosToken: bos, eosToken: eos,
          variables: variables, now: nil)
      }
      #expect(outcome == TemplateOutcome(expected: fixture), "\(name), \(key)")
      count += 1
    }
    #expect(count >= 17)
  }

  private func outcome(_ render: () throws(TemplateError) -> String) -> TemplateOutcome {
    do throws(TemplateError) {
      return .output(try render())
    } catch {
      return error.code == .raised ? .raised(error.message) : .error
    }
  }
}
