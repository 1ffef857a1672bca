import Foundation
import TestSupport
import Testing

/// `generate` of encoder-decoders' answers: beams, first tokens, samples.
@Suite(
  "The tessera command with beams", .serialized, .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandBeamTests {
  private let bart = FamilyFixture("bart")
  private let mbart = FamilyFixture("mbart")

  @Test("answers and scores are those of transformers, with a source and without", arguments: ["bart", "qwen2-tied"])
  func transformers(folder: String) throws {
    let fixture = FamilyFixture(folder)
    let cases = try fixture.cases("cases", in: "beams.json")
    for kind in ["never", "early"] {
      let search = try #require(cases.first { $0["stopping"] as? String == kind && $0["width"] as? Int == 4 })
      let ends = try #require(search["end_tokens"] as? [Int])
      let answers = try #require(search["answers"] as? [[String: Any]])
      try fixture.withConfig(["eos_token_id": ends]) { copy in
        var arguments = ["generate", "-m", copy, "--beams", "4", "--stopping", kind, "-n", "12"]
        arguments += ["--tokens", try FamilyFixture.list(search["prompt"])]
        if let source = search["source"] { arguments += ["--source-tokens", try FamilyFixture.list(source)] }
        arguments += ["--length-penalty", "\(try #require(search["length_penalty"] as? Double))"]
        if let size = search["no_repeat_ngram"] as? Int { arguments += ["--no-repeat-ngram", "\(size)"] }
        if let count = search["min_tokens"] as? Int { arguments += ["--min-tokens", "\(count)"] }
        let run = try CommandRun(arguments + ["--json"])
        let document = try run.object()
        let beams = try #require(document["beams"] as? [[String: Any]])
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        #expect(beams.map { $0["tokens"] as? [Int] } == answers.map { $0["tokens"] as? [Int] })
        #expect(document["tokens"] as? [Int] == answers[0]["tokens"] as? [Int])
        #expect(document["source_tokens"] as? [Int] == search["source"] as? [Int])
        for (beam, answer) in zip(beams, answers) {
          let isEnded = try #require(answer["is_ended"] as? Bool)
          #expect(beam["finish_reason"] as? String == (isEnded ? "stop" : "length"))
          let scores = [beam, answer].map { $0["score"] as? Double ?? .nan }
          #expect(abs(scores[0] - scores[1]) < 1e-4)
        }
        let statistics = try #require(document["statistics"] as? [String: Any])
        #expect(statistics["prompt_tokens"] as? Int == (search["prompt"] as? [Int])?.count)
        #expect((1...12).contains(try #require(statistics["generated_tokens"] as? Int)))
        #expect(try #require(statistics["peak_device_bytes"] as? Int) > 0 && document["device"] is String)
        let plain = try CommandRun(arguments)
        #expect(plain.output == (try FamilyFixture.list(document["tokens"])) + "\n")
        #expect(plain.errors.contains("best of 4 beams"))
      }
    }
  }

  @Test("an answer begins as the files or --first-tokens say, and its tokens may be drawn")
  func firstTokens() throws {
    func tokens(_ arguments: [String]) throws -> [Int] {
      let run = try CommandRun(
        ["generate", "-m", mbart.folder, "--source-tokens", "5,6,7", "-n", "5", "--json"] + arguments)
      #expect(run.status == 0, "\(run.errors)")
      return try #require(run.object()["tokens"] as? [Int])
    }
    #expect(try tokens([])[0] == 93)
    #expect(try tokens(["--beams", "2"])[0] == 93)
    #expect(try tokens(["--first-tokens", "17,18"]).starts(with: [17, 18]))
    #expect(try tokens(["--beams", "3", "--first-tokens", "17,18"]).starts(with: [17, 18]))
    // Drawn behind the first token, the same with one seed.
    let draw = ["--temperature", "3", "--top-p", "1", "--min-p", "0", "--seed"]
    let drawn = try (0..<3).map { try tokens(draw + ["\($0)"]) }
    #expect(drawn.allSatisfy { $0[0] == 93 } && Set(drawn).count > 1)
    #expect(try tokens(draw + ["2"]) == drawn[2])
    // The fifth is the end that the folder forces.
    #expect(drawn.allSatisfy { $0.count <= 4 })
  }

  @Test("what is wrong with a search is said")
  func errors() throws {
    let generate = ["generate", "-m", bart.folder, "--source-tokens", "5"]
    for (arguments, word) in [
      (["--first-tokens", "96"], "96"), (["--beams", "2", "--first-tokens", "96"], "96"),
      (["--beams", "2", "--source-tokens", "96"], "96"), (["--beams", "65", "--context", "64"], "--context"),
    ] {
      let run = try CommandRun(generate + arguments)
      #expect(run.isOneError && run.errors.contains(word), "\(arguments): \(run.status) \(run.errors)")
    }
    for arguments in [
      ["--beams", "0"], ["--beams", "1025"], ["--beams", "x"], ["--length-penalty", "1"], ["--min-tokens", "1"],
      ["--stopping", "early"], ["--no-repeat-ngram", "2"], ["--beams", "2", "--length-penalty", "nan"],
      ["--beams", "2", "--stopping", "soon"], ["--beams", "2", "--no-repeat-ngram", "-1"],
      ["--beams", "2", "--min-tokens", "-1"], ["--beams", "2", "--temperature", "1"], ["--beams", "2", "-n", "0"],
      ["--beams", "2", "--repeat-penalty", "2"], ["--beams", "2", "--stop", "x"], ["--first-tokens", "x"],
    ] {
      let run = try CommandRun(generate + arguments)
      #expect(run.status == 64 && run.output.isEmpty, "\(arguments): \(run.status) \(run.errors)")
    }
  }
}
