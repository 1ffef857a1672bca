import Jinja
import TesseraJSON
import TestSupport
import Testing

@testable import TesseraText

@Suite("Damaged chat templates")
struct TemplateFuzzTests {
  private static let pieces: [String] = [
    "{%", "%}", "{{", "}}", "{#", "#}", "-", "(", ")", "[", "]", "{", "}", "'", "\"", "\\", "|", ".", ":", ",", "~",
    "*",
    " if ", " else ", " in ", " is ", " not ", " for ", "{% endif %}", "{% endfor %}", "{% else %}", "{% break %}",
    "messages", "loop", "tools", "none", "0", "-1", "9223372036854775807", "1e308", "[::-1]", "[1:]", "|tojson",
    "|list",
    "|length", "|map('trim')", "|join", "|sort", "|first", "|last", "|int", "|string", ".items()", ".split('')", "é",
    "\u{301}",
    "\u{0}", "range(99999)", "{% set messages = messages * 2 %}", "{% macro f() %}", "{% endmacro %}", "f()", "**",
    "//", "%",
  ]

  private static func damaged(_ source: [Unicode.Scalar], _ generator: inout RepeatableGenerator) -> String {
    var scalars = source
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let position = Int.random(in: 0...scalars.count, using: &generator)
      let end = min(scalars.count, position + Int.random(in: 0...12, using: &generator))
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: scalars.removeSubrange(position..<end)
      case 1:
        scalars.insert(contentsOf: scalars[position..<end], at: Int.random(in: 0...scalars.count, using: &generator))
      default:
        let piece = pieces.randomElement(using: &generator) ?? ""
        scalars.replaceSubrange(position..<end, with: Array(piece.unicodeScalars))
      }
    }
    return String(String.UnicodeScalarView(scalars))
  }

  @Test("damaged templates end in a prompt or an error, soon", arguments: TemplateFixtures.templates)
  func mutations(name: String) throws {
    let source = Array(try TemplateFixtures.text("\(name).jinja").unicodeScalars)
    let conversations = try TemplateFixtures.conversations()
    var limits = TemplateLimits()
    limits.steps = 50_000
    limits.stringBytes = 1 << 16
    var generator = RepeatableGenerator(state: UInt64(name.utf8.count))
    var rendered = 0
    for _ in 0..<150 {
      let text = Self.damaged(source, &generator)
      let start = processorTime()
      defer { #expect(processorTime() - start < .seconds(20), "\(text)") }
      guard let template = try? ChatTemplate(source: text, limits: limits) else { continue }
      for key in ["turns", "two-calls", "parts", "none"] {
        let document = try #require(conversations[key]?.objectValue)
        let prompt = try? template.render(
          messages: document["messages"]?.arrayValue ?? [], tools: document["tools"]?.arrayValue,
          addGenerationPrompt: true, bosToken: "<s>", eosToken: "</s>", variables: [:], now: nil)
        if let prompt {
          #expect(prompt.utf8.count <= limits.stringBytes)
          rendered += 1
        }
      }
    }
    #expect(rendered > 0)
  }

  @Test("damaged conversations are read or refused")
  func conversations() throws {
    let source = Array(try TemplateFixtures.text("conversations.json").unicodeScalars)
    var generator = RepeatableGenerator(state: 7)
    var refused = 0
    for _ in 0..<300 {
      let bytes = Array(Self.damaged(source, &generator).utf8)
      if (try? JSONValue(parsing: bytes)) == nil { refused += 1 }
    }
    #expect(refused > 100)
  }
}
