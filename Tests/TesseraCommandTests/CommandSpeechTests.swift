import Foundation
import TestSupport
import Testing

/// `tessera transcribe`, and what other commands say of a model of speech.
@Suite(
  "The tessera command with speech", .serialized, .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandSpeechTests {
  private let whisper = FamilyFixture("whisper").folder
  private let sentence = URL(fileURLWithPath: FamilyFixture("whisper").folder).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("speech/sentence.wav").path
  private static let real = ProcessInfo.processInfo.environment["TESSERA_TEST_WHISPER"].flatMap {
    $0.isEmpty ? nil : $0
  }

  /// The line of an error.
  private func failure(_ arguments: [String], status: Int32 = 1) throws -> String {
    let run = try CommandRun(arguments)
    #expect(run.status == status && run.output.isEmpty, "\(run.status) \(run.output)")
    return run.errors
  }

  @Test("what is no speech model, no sound, or no such option is refused with what to do")
  func refused() throws {
    let bert = FamilyFixture("bert").folder
    #expect(try failure(["transcribe", "-m", bert, sentence]).contains("is no speech model"))
    #expect(try failure(["transcribe", "-m", whisper, sentence]).contains("no tokenizer.json"))
    #expect(try failure(["transcribe", "-m", whisper, sentence + "x"]).contains("no such file"))
    #expect(try failure(["transcribe", "-m", whisper, "\(whisper)/config.json"]).hasPrefix("error: "))
    #expect(try failure(["transcribe", "-m", whisper, sentence, "--temperature=-1"], status: 64).contains("-1"))
    #expect(try failure(["transcribe", "-m", whisper, sentence, "--task", "sing"], status: 64).contains("sing"))
    for source in [[], ["--source-tokens", "5,6"]] {
      let error = try failure(["generate", "-m", whisper, "--tokens", "1"] + source)
      #expect(error.contains("tessera transcribe"), "\(error)")
    }
    let inspected = try #require(
      CommandRun(["inspect", whisper, "--json"]).json() as? [String: Any])
    #expect(inspected["architecture"] as? String == "WhisperForConditionalGeneration")
  }

  @Test("transcribe prints lines, times and a document that agree; a context of one token is an error")
  func small() throws {
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model").path
      #expect(try CommandRun(["convert", FamilyFixture("../ctranslate2/float32").folder, model]).status == 0)
      let base = ["transcribe", "-m", model, sentence]
      let document = try CommandRun(base + ["--json"])
      #expect(document.status == 0 && document.errors.isEmpty, "\(document.errors)")
      let object = try document.object()
      #expect(Set(object.keys) == ["text", "language", "tokens", "segments"] && object["language"] as? String == "en")
      let segments = try #require(object["segments"] as? [[String: Any]])
      let lines = try segments.map {
        let text = try #require($0["text"] as? String).trimmingCharacters(in: .whitespacesAndNewlines)
        let times = try [$0["start"], $0["end"]].map { String(format: "00:%06.3f", try #require($0 as? Double)) }
        return (text, "[\(times[0]) --> \(times[1])] \(text)")
      }
      #expect(!lines.isEmpty)
      let plain = try CommandRun(base)
      #expect(plain.status == 0 && plain.errors.contains("language en"), "\(plain.errors)")
      #expect(plain.output == lines.map { $0.0 + "\n" }.joined())
      let timed = try CommandRun(base + ["--timestamps", "-q"])
      #expect(timed.output == lines.map { $0.1 + "\n" }.joined() && timed.errors.isEmpty, "\(timed.errors)")
      let short = try CommandRun(base + ["--context", "1", "--prompt", "a"])
      #expect(short.isOneError, "\(short.status) \(short.errors)")
    }
  }

  @Test(
    "transcribe prints segments, or a document",
    .enabled(if: real != nil, "TESSERA_TEST_WHISPER is not set"))
  func transcribe() throws {
    let base = ["transcribe", "-m", try #require(Self.real), sentence]
    let plain = try CommandRun(base)
    #expect(plain.status == 0 && plain.output == "Please call the office tomorrow.\n")
    #expect(plain.errors.contains("language en"), "\(plain.errors)")
    let timed = try CommandRun(base + ["--timestamps", "-q"])
    #expect(timed.errors.isEmpty)
    #expect(timed.output.hasPrefix("[00:00.000 --> 00:0"))
    #expect(timed.output.hasSuffix("] Please call the office tomorrow.\n"))
    let run = try CommandRun(base + ["--json"])
    #expect(run.errors.isEmpty)
    let document = try #require(run.json() as? [String: Any])
    #expect(document["text"] as? String == " Please call the office tomorrow.")
    #expect(document["language"] as? String == "en" && (document["tokens"] as? [Int])?.first == 50_363)
    let segments = try #require(document["segments"] as? [[String: Any]])
    #expect(segments.count == 1 && segments[0]["start"] as? Double == 0 && segments[0]["text"] as? String != nil)
    #expect(Set(document.keys) == ["text", "language", "tokens", "segments"])
  }
}
