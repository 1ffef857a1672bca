import Foundation
import TestSupport
import Testing

/// Commands for models that judge: rerankers, classifiers, and how likely continuations are.
@Suite(
  "The tessera command with models that judge", .serialized,
  .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandJudgingTests {
  private let pairs = FamilyFixture("bert-pairs")
  private let tokens = FamilyFixture("bert-tokens")
  private let distilbert = FamilyFixture("distilbert")
  private let qwen2 = FamilyFixture("qwen2-tied")
  private let t5 = FamilyFixture("t5")

  private func list(_ run: CommandRun) throws -> [[String: Any]] {
    #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
    return try #require(try run.json() as? [[String: Any]])
  }

  @Test("rerank orders documents, of ids and of texts")
  func rerank() throws {
    let texts = try pairs.cases("texts")
    let ids = try texts.flatMap {
      [
        "--tokens", try FamilyFixture.list($0["tokens"]), "--token-types", try FamilyFixture.list($0["token_types"]),
      ]
    }
    let expected = try texts.map { try FamilyFixture.floats($0["scores"])[0] }
    let order = expected.indices.sorted { expected[$0] > expected[$1] }
    let ranked = try list(CommandRun(["rerank", "-m", pairs.folder, "--json"] + ids))
    #expect(ranked.map { $0["index"] as? Int } == order)
    for entry in ranked {
      let index = try #require(entry["index"] as? Int)
      let (logit, score) = (try #require(entry["logit"] as? Double), try #require(entry["score"] as? Double))
      #expect(abs(logit - Double(expected[index])) < 1e-4 && abs(score - 1 / (1 + exp(-logit))) < 1e-5)
    }
    try pairs.withWords { folder in
      let base = ["rerank", "-m", folder]
      let all = try list(CommandRun(base + ["--json", "going", "gone!", "e", "go"]))
      #expect(Set(all.map { $0["index"] as? Int }) == [0, 1, 2])
      let lines = try CommandRun(base + ["-q", "--top", "2", "--file", "-", "going"], input: "gone!\ne\ngo\n").output
        .split(separator: "\n").map { $0.split(separator: " ") }
      #expect(lines.count == 2)
      for (line, entry) in zip(lines, all) {
        let index = try #require(entry["index"] as? Int)
        #expect(line.map(String.init).suffix(2) == ["\(index)", ["gone!", "e", "go"][index]])
      }
    }
  }

  @Test("classify names labels of texts and of tokens")
  func classify() throws {
    let text = try distilbert.cases("texts")[1]
    let ids = try FamilyFixture.list(text["tokens"])
    let expected = try FamilyFixture.floats(text["scores"])
    let judged = try list(CommandRun(["classify", "-m", distilbert.folder, "--json", "--tokens", ids]))[0]
    let best = ["NEGATIVE", "POSITIVE"][expected[0] > expected[1] ? 0 : 1]
    #expect(judged["label"] as? String == best && judged["token"] == nil)
    let labels = try #require(judged["labels"] as? [[String: Any]])
    #expect(labels.map { $0["label"] as? String } == ["NEGATIVE", "POSITIVE"])
    for (label, logit) in zip(labels, expected) {
      #expect(abs((label["logit"] as? Double ?? 0) - Double(logit)) < 1e-4)
    }
    let line = try CommandRun(["classify", "-m", distilbert.folder, "-q", "--tokens", ids]).output
    #expect(line.hasPrefix("\(best) 0.") && line.split(separator: "\n").count == 1)

    let run = try CommandRun(["classify", "-m", tokens.folder, "--json", "--tokens", "5,6,7"])
    let each = try #require(try run.json() as? [[[String: Any]]])
    #expect(each.count == 1 && each[0].map { $0["token"] as? Int } == [5, 6, 7])
    let lines = try CommandRun(["classify", "-m", tokens.folder, "-q", "--tokens", "5,6"]).output
    #expect(lines.split(separator: "\n").count == 2 && lines.hasPrefix("5 "))
  }

  @Test("score gives logarithms of probabilities")
  func score() throws {
    let prompt = try qwen2.cases("prompts")[1]
    let ids = try #require(prompt["tokens"] as? [Int])
    let rows = try FamilyFixture.floats(prompt["log_probabilities"])
    let base = ["score", "-m", qwen2.folder, "--tokens", ids[..<3].map(String.init).joined(separator: ",")]
    let next = ids[3...].map(String.init).joined(separator: ",")
    let scores = try list(CommandRun(base + ["--json", "--continuation-tokens", next, "--continuation-tokens", "5"]))
    let expected = ids[3...].enumerated().map { Double(rows[(2 + $0) * 96 + $1]) }
    let found = try #require(scores[0]["log_probabilities"] as? [Double])
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-4 } && found.count == expected.count)
    #expect(abs((scores[0]["sum"] as? Double ?? 0) - expected.reduce(0, +)) < 1e-3)
    #expect(scores[0]["tokens"] as? [Int] == Array(ids[3...]) && scores[0]["is_greedy"] as? Bool == false)
    #expect(abs((scores[1]["sum"] as? Double ?? 0) - Double(rows[2 * 96 + 5])) < 1e-4)
    let line = try CommandRun(base + ["-q", "--continuation-tokens", "5"]).output
    #expect(line.hasSuffix(" 1 - 5\n") || line.hasSuffix(" 1 greedy 5\n"))
    let pair = try t5.cases("pairs")[1]
    let target = try #require(pair["target"] as? [Int])
    let second = try list(
      CommandRun([
        "score", "-m", t5.folder, "--json", "--tokens", "0", "--source-tokens",
        try FamilyFixture.list(pair["source"]), "--continuation-tokens", "\(target[1])",
      ]))
    let first = try FamilyFixture.floats(pair["log_probabilities"])[target[1]]
    #expect(abs((second[0]["sum"] as? Double ?? 0) - Double(first)) < 1e-4)
  }

  @Test("hidden states behind a layer")
  func layers() throws {
    let base = ["hidden", "-m", qwen2.folder, "--tokens", "5,6,7"]
    let last = try CommandRun.array(base).values
    #expect(try CommandRun.array(base + ["--layer", "2"]).values == last)
    let embeddings = try CommandRun.array(base + ["--layer", "0"])
    #expect(embeddings.header.contains("(3, 96)") && embeddings.values != last)
    #expect(try CommandRun(base + ["--layer", "3", "-o", "/dev/null"]).isOneError)
  }

  @Test("what does not fit is refused")
  func refused() throws {
    for arguments in [
      ["rerank", "-m", distilbert.folder, "--tokens", "5"], ["rerank", "-m", qwen2.folder, "--tokens", "5"],
      ["rerank", "-m", pairs.folder, "question", "document"], ["classify", "-m", qwen2.folder, "--tokens", "5"],
      ["classify", "-m", distilbert.folder, "text"], ["classify", "-m", distilbert.folder, "--tokens", "100"],
      ["classify", "-m", distilbert.folder, "--tokens", "5", "--token-types", "0"],
      ["score", "-m", pairs.folder, "--tokens", "5", "--continuation-tokens", "6"],
      ["score", "-m", qwen2.folder, "--tokens", "5", "--continuation-tokens", "96"],
      ["score", "-m", qwen2.folder, "-p", "x", "y"],
      ["logits", "-m", pairs.folder, "--tokens", "5", "-o", "/dev/null"],
    ] {
      let run = try CommandRun(arguments)
      #expect(run.isOneError, "\(arguments): \(run.status) \(run.errors)")
    }
    for arguments in [
      ["rerank", "-m", pairs.folder], ["rerank", "-m", pairs.folder, "question"],
      ["rerank", "-m", pairs.folder, "--tokens", "5", "--top", "0"],
      ["rerank", "-m", pairs.folder, "--tokens", "5", "--token-types", "0", "--token-types", "1"],
      ["classify", "-m", pairs.folder], ["classify", "-m", pairs.folder, "x", "--tokens", "5"],
      ["score", "-m", qwen2.folder, "x"], ["score", "-m", qwen2.folder, "--tokens", "5"],
      ["score", "-m", qwen2.folder, "-p", "x"], ["score", "-m", qwen2.folder, "-p", "x", "--tokens", "5", "y"],
      ["hidden", "-m", qwen2.folder, "--tokens", "5", "--layer", "-1", "-o", "x"],
    ] {
      let run = try CommandRun(arguments)
      #expect(run.status == 64 && run.output.isEmpty, "\(arguments): \(run.status)")
    }
  }
}
