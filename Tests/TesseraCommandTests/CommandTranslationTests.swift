import Foundation
import TestSupport
import Testing

/// `generate` on translators whose folders have SentencePiece files: text in, text out, as transformers translates
/// (`Tests/Fixtures-scripts/make_translation_fixtures.py`).
@Suite(
  "The tessera command translates", .serialized, .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandTranslationTests {
  @Test("sources, tokens and answers are those of transformers", arguments: ["marian", "m2m100"])
  func answers(name: String) throws {
    let data = try Data(contentsOf: FamilyFixture.fixtures.appendingPathComponent("translation/cases.json"))
    let all = try #require(JSONSerialization.jsonObject(with: data) as? [String: [[String: Any]]])
    try FamilyFixture(name).withPieces { folder in
      for known in try #require(all[name]) {
        var arguments = ["generate", "-m", folder, "-n", "10", "-p", try #require(known["text"] as? String)]
        if let source = known["from"] as? String { arguments += ["--source-language", source] }
        if let target = known["to"] as? String { arguments += ["--target-language", target] }
        let run = try CommandRun(arguments + ["--json"])
        let document = try run.object()
        #expect(document["source_tokens"] as? [Int] == known["source"] as? [Int], "\(arguments)")
        #expect(document["tokens"] as? [Int] == known["tokens"] as? [Int], "\(arguments)")
        #expect(document["text"] as? String == known["answer"] as? String, "\(arguments)")
      }
    }
  }

  @Test("languages that a model has not are one line of error, which names those it has")
  func unknownLanguages() throws {
    func error(_ name: String, _ arguments: [String]) throws -> String {
      var errors = ""
      try FamilyFixture(name).withPieces { folder in
        let run = try CommandRun(["generate", "-m", folder, "-n", "1", "-p", "a"] + arguments)
        #expect(run.isOneError, "\(run.errors)")
        errors = run.errors
      }
      return errors
    }
    #expect(try error("marian", ["--target-language", "xx"]).contains("2 languages, which are deu, fra"))
    #expect(try error("marian", ["--source-language", "deu"]).contains("target"))
    #expect(try error("m2m100", ["--source-language", "English"]).contains("8 languages, which are cs, de, en"))
  }
}
