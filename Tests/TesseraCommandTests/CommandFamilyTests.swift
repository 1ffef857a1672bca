import Foundation
import TestSupport
import Testing

/// What takes token ids works on folders without a tokenizer: decoders, encoders and encoder-decoders.
@Suite(
  "The tessera command with families", .serialized, .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandFamilyTests {
  private let bert = FamilyFixture("bert")
  private let t5 = FamilyFixture("t5")
  private let qwen2 = FamilyFixture("qwen2-tied")

  @Test("generate answers ids with ids")
  func generate() throws {
    let prompt = try qwen2.cases("prompts")[0]
    let expected = try #require(prompt["generated"] as? [Int]).prefix(8)
    let shared = ["generate", "-m", qwen2.folder, "--tokens", try FamilyFixture.list(prompt["tokens"]), "-n", "8"]
    let run = try CommandRun(shared + ["--json"])
    let document = try run.object()
    #expect(run.status == 0 && document["tokens"] as? [Int] == Array(expected))
    #expect(document["text"] as? String == "" && document["finish_reason"] as? String == "length")
    let text = try CommandRun(shared + ["-q"])
    #expect(text.status == 0 && text.output == expected.map(String.init).joined(separator: ",") + "\n")
  }

  @Test("a file's lines end with LF or CRLF alone, and each is a text")
  func embedLines() throws {
    try bert.withWords { folder in
      let texts = ["go", "going\u{2028}go", "", "gone\u{85}go\u{0B}go\u{0C}go", "go\rgo", "last"]
      let embed = ["embed", "-m", folder, "--json"]
      let lines = texts.joined(separator: "\n").replacingOccurrences(of: "go\n", with: "go\r\n")
      let expected = try CommandRun(embed + texts)
      #expect((try expected.json() as? [[Double]])?.count == texts.count)
      for end in ["", "\n", "\r\n"] {
        let run = try CommandRun(embed + ["--file", "-"], input: lines + end)
        #expect(run.status == 0 && run.output == expected.output, "\(run.errors)")
      }
      let printed = try CommandRun(["embed", "-m", folder, "--file", "-", "-q"], input: lines)
      #expect(printed.output.split(separator: "\n", omittingEmptySubsequences: false).count == texts.count + 1)
    }
  }

  @Test("experts may stay in host memory, and bench says what share of them a step reads")
  func experts() throws {
    let mixtral = FamilyFixture("mixtral")
    let prompt = try mixtral.cases("prompts")[0]
    let expected = try #require(prompt["generated"] as? [Int]).prefix(4)
    let model = ["-m", mixtral.folder, "--context", "64"]
    let kept = model + ["--expert-memory", "1", "--json"]
    let tokens = ["--tokens", try FamilyFixture.list(prompt["tokens"]), "-n", "4"]
    let document = try CommandRun(["generate"] + kept + tokens).object()
    let experts = try #require(document["experts"] as? [String: Any])
    #expect(document["tokens"] as? [Int] == Array(expected))
    #expect(experts["misses"] as? Int ?? 0 > 0 && experts["bytes"] as? Int ?? 0 > 0)
    // A token has two of five.
    let bench = ["bench", "-p", "0", "-n", "2", "-r", "1"]
    let rows = try #require(try CommandRun(bench + kept).json() as? [[String: Any]])
    #expect(rows[0]["experts_read_share"] as? Double == 0.4 && rows[0]["expert_misses"] as? Int ?? 0 > 0)
    let plain = try CommandRun(bench + model + ["-q"])
    #expect(plain.status == 0 && plain.output.contains("tg2: 40.0% of the experts read in a step\n"))
    let plan = try CommandRun(["inspect"] + kept).object()["memory"] as? [String: Any]
    #expect(plan?["expert_bytes"] as? Int == 2 * 5 * 3 * 32 * 32 * 2)
    for size in ["0", "-1", "x"] {
      let run = try CommandRun(["bench"] + model + ["--expert-memory=\(size)"])
      #expect(run.status != 0 && run.errors.contains("--expert-memory"), "\(size): \(run.errors)")
    }
    let dense = try CommandRun(["inspect", "-m", qwen2.folder, "--expert-memory", "1"])
    #expect(dense.errors.contains("--expert-memory"))
  }

  @Test("what needs a tokenizer says that there is none")
  func noTokenizer() throws {
    for arguments in [
      ["generate", "-p", "x", "-m", qwen2.folder], ["tokenize", "x", "-m", qwen2.folder],
      ["embed", "x", "-m", bert.folder],
      ["generate", "--tokens", "1", "-n", "1", "--stop", "x", "-m", qwen2.folder],
    ] {
      let run = try CommandRun(arguments)
      #expect(run.isOneError && run.errors.contains("no tokenizer"), "\(arguments): \(run.status) \(run.errors)")
    }
  }

  @Test("logits, hidden states and answers of an encoder-decoder")
  func encoderDecoder() throws {
    let pair = try t5.cases("pairs")[1]
    let source = ["-m", t5.folder, "--source-tokens", try FamilyFixture.list(pair["source"])]
    let target = ["--tokens", try FamilyFixture.list(pair["target"])]
    let logits = try CommandRun.array(["logits"] + source + target).values
    let expected = try FamilyFixture.floats(pair["log_probabilities"])
    #expect(largestDifference(logProbabilities(logits, vocabulary: 96), expected) < 1e-4)
    let states = try CommandRun.array(["hidden"] + source)
    #expect(states.header.contains("(5, "))
    #expect(largestDifference(states.values, try FamilyFixture.floats(pair["encoder_hidden_states"])) < 1e-4)
    #expect(try CommandRun.array(["hidden"] + source + target).header.contains("(4, "))
    let document = try CommandRun(["generate"] + source + ["-n", "6", "--json"]).object()
    #expect(
      document["prompt_tokens"] as? [Int] == [0] && document["source_tokens"] as? [Int] == pair["source"] as? [Int])
    #expect(document["tokens"] as? [Int] == (pair["generated"] as? [Int]).map { Array($0.prefix(6)) })
  }

  @Test("sources are asked for, and refused by other models")
  func sources() throws {
    for (arguments, word) in [
      (["generate", "-m", t5.folder, "--tokens", "0"], "source"),
      (["generate", "-m", qwen2.folder, "--source-tokens", "1", "-n", "1"], "encoder-decoder"),
      (["hidden", "-m", qwen2.folder, "--source-tokens", "1", "-o", "/dev/null"], "encoder-decoder"),
      (["generate", "-m", bert.folder, "--tokens", "1"], "encoder"),
      (["logits", "-m", bert.folder, "--tokens", "1", "-o", "/dev/null"], "encoder"),
      (["generate", "-m", t5.folder, "--source-tokens", "96"], "96"),
    ] {
      let run = try CommandRun(arguments)
      #expect(run.isOneError && run.errors.contains(word), "\(arguments): \(run.status) \(run.errors)")
    }
    for arguments in [
      ["generate", "-m", t5.folder, "--source-tokens", "1", "-p", "x"], ["hidden", "-m", t5.folder, "-o", "x"],
      ["hidden", "-m", bert.folder, "--tokens", "1,2", "--token-types", "0", "-o", "x"], ["embed", "-m", bert.folder],
      ["embed", "-m", bert.folder, "x", "--tokens", "1"], ["embed", "-m", bert.folder, "x", "--pooling", "sum"],
      ["embed", "-m", bert.folder, "x", "--prompt-name", "a", "--prefix", "b"],
    ] {
      let run = try CommandRun(arguments)
      #expect(run.status == 64 && run.output.isEmpty, "\(arguments): \(run.status)")
    }
  }

  @Test("hidden states of an encoder, with segments")
  func hidden() throws {
    let text = try bert.cases("texts")[3]
    let run = try CommandRun.array(
      [
        "hidden", "-m", bert.folder, "--tokens", try FamilyFixture.list(text["tokens"]), "--token-types",
        try FamilyFixture.list(text["token_types"]),
      ])
    #expect(run.header.contains("(33, 32)"))
    #expect(largestDifference(run.values, try FamilyFixture.floats(text["hidden_states"])) < 1e-4)
  }

  @Test("embeddings are pooled and normalized as the folder says, the same alone and with others")
  func embed() throws {
    let texts = Array(try bert.cases("texts").prefix(3))
    let ids = try texts.flatMap { ["--tokens", try FamilyFixture.list($0["tokens"])] }
    func vectors(_ arguments: [String]) throws -> [[Double]] {
      let run = try CommandRun(["embed", "-m", bert.folder, "--json"] + arguments)
      #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
      return try #require(try run.json() as? [[Double]])
    }
    let together = try vectors(ids)
    let first = try vectors(ids + ["--pooling", "cls"])
    for (index, text) in texts.enumerated() {
      #expect(largestDifference(together[index].map { Float($0) }, try FamilyFixture.floats(text["mean"])) < 2e-5)
      #expect(largestDifference(first[index].map { Float($0) }, try FamilyFixture.floats(text["cls"])) < 2e-5)
    }
    #expect(try vectors(Array(ids.suffix(2))) == [together[2]])
    let long = try vectors(Array(ids.prefix(2)) + ["--no-normalize"])[0]
    let length = long.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(length > 2 && zip(long, together[0]).allSatisfy { abs($0 / length - $1) < 1e-6 })
  }

  @Test("inspect shows a folder, and the kernel variants that it launches")
  func inspect() throws {
    let plain = try CommandRun(["inspect", qwen2.folder, "--json"]).object()
    #expect(plain["architecture"] as? String == "Qwen2ForCausalLM")
    let decode = try #require(plain["decode"] as? [String: Any])
    for key in ["commands", "bytes", "operations"] { #expect((decode[key] as? Int ?? 0) > 0, "\(key)") }
    // Two layers of one head of 24, rounded up to 32, keys and values of 4 bytes each, and of 4 and 2.
    for (kv, bytes) in [("f32", 8), ("f32,f16", 6), ("f16", 4)] {
      let memory = try CommandRun(["inspect", qwen2.folder, "--json", "--kv", kv]).object()["memory"] as? [String: Any]
      #expect(memory?["kv_bytes_per_token"] as? Int == 2 * 32 * bytes, "\(kv)")
      #expect(memory?["kv"] as? String == kv)
    }
    let memories = try ["f32", "q8_0"].map {
      try CommandRun(["inspect", qwen2.folder, "--json", "--type", $0]).object()["memory"] as? [String: Any]
    }
    let weights = memories.map { $0?["weights_bytes"] as? Int ?? 0 }
    #expect(weights[1] > 0 && weights[1] < weights[0] / 2)
    let run = try CommandRun(["inspect", qwen2.folder, "--variants"], environment: ["TESSERA_STYLE": "simt"])
    let lines = run.output.split(separator: "\n").map(String.init)
    #expect(run.status == 0 && lines.count > 5)
    for line in lines {
      let variant = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(variant["file"] is String && variant["function"] is String && variant["defines"] is [String: Int])
      #expect((variant["local"] as? [Int])?.count == 3 && (variant["local"] as? [Int])?[0] ?? 0 > 0)
    }
  }

  @Test("bench decodes several sequences together")
  func bench() throws {
    let run = try CommandRun(
      ["bench", "-m", qwen2.folder, "-p", "0", "-n", "2", "-r", "1", "--batch", "1,3", "--json", "--type", "q8_0"])
    let rows = try #require(try run.json() as? [[String: Any]])
    #expect(run.status == 0 && rows.map { $0["test"] as? String } == ["tg2", "tg2x3"])
    #expect(rows.allSatisfy { ($0["tokens_per_second_mean"] as? Double ?? 0) > 0 })
    #expect(try CommandRun(["bench", "-m", qwen2.folder, "--batch", "1,x"]).status == 64)
  }
}
