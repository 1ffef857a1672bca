import Foundation
import TesseraText
import Testing

@testable import Tessera

@Suite("Constraints on answers")
struct TokenConstraintTests {
  private static func constraints() throws -> [TokenConstraint] {
    let calls = [(opening: "a(", schema: #"{"type": "integer"}"#, closing: ")")]
    return [
      try .json(), try .json().behindThought("</think>"), try .json().behindThought("</think>", isControlToken: true),
      try .json().behindThought("</end>"), try .regex("ab"), try .triggered("<call>", calls: calls, isRequired: true),
      try .triggered("<call>", calls: calls, isRequired: true, mostCalls: 1),
      try .triggered("<call>", calls: calls, isRequired: false, mostCalls: 1),
      try .triggered("<call>", calls: calls, isRequired: true, mostCalls: 1).behindThought("</think>"),
    ]
  }

  @Test("each is itself alone, also once it was written and read")
  func coding() throws {
    let constraints = try Self.constraints()
    #expect(Set(constraints).count == constraints.count)
    let read = try JSONDecoder().decode([TokenConstraint].self, from: JSONEncoder().encode(constraints))
    #expect(read == constraints)
    // What it allows comes back, too.
    var recognizer = GrammarRecognizer(read[8].grammar)
    #expect(try recognizer.accepts("so</think>\n<call>a(1)".utf8))
    for text in ["<call>a(1)", "so</think><call>a(1)<call>a(2)", "so</think>"] {
      #expect(try !recognizer.accepts(text.utf8), "\(text)")
    }
  }

  @Test("a constraint stands behind one thought")
  func oneThought() throws {
    #expect(throws: GrammarError.self) { try TokenConstraint.json().behindThought("a").behindThought("b") }
  }
}
