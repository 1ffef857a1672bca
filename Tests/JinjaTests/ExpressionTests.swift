import Foundation
import Jinja
import TesseraJSON
import TestSupport
import Testing

@Suite("Templates beside jinja2")
struct ExpressionTests {
  @Test("small templates give what jinja2 gives, or are errors where it has one")
  func expressions() throws {
    let variables = try Bundle.module.object("variables.json")
    let fixtures = try Bundle.module.objects("expressions.json")
    for fixture in fixtures {
      let source = try #require(fixture["source"]?.stringValue)
      #expect(outcome(of: source, variables) == TemplateOutcome(expected: fixture), "\(source)")
    }
    #expect(fixtures.count > 800)
  }

  private func outcome(of source: String, _ variables: JSONObject) -> TemplateOutcome {
    do throws(TemplateError) {
      return .output(try Template(source: source).render(variables))
    } catch {
      return error.code == .raised ? .raised(error.message) : .error
    }
  }

  @Test("strftime_now shows the given time")
  func time() throws {
    let template = try Template(source: "{{ strftime_now('%d %b %Y, %A, 100%%') }}")
    // Noon, so that the day is the same in almost every time zone.
    #expect(try template.render([:], now: 1_721_995_200) == "26 Jul 2024, Friday, 100%")
    let today = try template.render([:])
    #expect(today.hasSuffix(", 100%") && today != "26 Jul 2024, Friday, 100%")
  }

  @Test("strings are compared, cut and counted by Unicode scalars")
  func scalars() throws {
    let template = try Template(source: "{{ m == 'e\u{301}' }} {{ m | length }} {{ (m ~ m)[1] | tojson }} {{ m in m }}")
    #expect(try template.render(["m": "\u{E9}"]) == "False 1 \"\u{E9}\" True")
    #expect(try template.render(["m": "e\u{301}"]) == "True 2 \"\u{301}\" True")
    #expect(try template.render(["m": "\r\n"]) == #"False 2 "\n" True"#)
  }

  @Test("a template tells the strings that its expressions contain")
  func literals() throws {
    let template = try Template(source: "x {% if 'a' in m %}{{ m.split('\\n')[0] ~ \"b\" }}{% endif %} 'c'")
    #expect(template.stringLiterals == ["a", "\n", "b"])
  }
}
