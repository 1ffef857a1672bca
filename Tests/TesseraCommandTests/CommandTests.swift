import Foundation
import Testing

@Suite("The tessera command", .serialized, .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandTests {
  @Test("devices lists what scripts rely on")
  func devices() throws {
    let run = try CommandRun(["devices", "--json"])
    let devices = try #require(try run.json() as? [[String: Any]])
    let keys = [
      "index", "platform", "name", "type", "driver", "opencl_c", "compute_units", "global_memory_bytes",
      "local_memory_bytes", "fp16", "subgroups", "integer_dot_product", "command_buffers",
      "records_steps", "usable", "reason",
    ]
    #expect(run.status == 0 && !devices.isEmpty)
    for device in devices {
      for key in keys { #expect(device[key] != nil, "\(key)") }
      // Steps of CPUs are programs.
      if device["type"] as? String == "cpu" { #expect(device["records_steps"] as? Bool == false) }
    }
  }

  @Test(
    "wrong usage is status 64",
    arguments: [["generate"], ["nonsense"], ["generate", "-m", "x", "-p", "y", "--top-p", "2"]])
  func usage(arguments: [String]) throws {
    let run = try CommandRun(arguments)
    #expect(run.status == 64 && run.output.isEmpty && !run.errors.isEmpty)
  }

  @Test("help and version are status 0", arguments: [["--help"], ["--version"], ["generate", "--help"]])
  func help(arguments: [String]) throws {
    let run = try CommandRun(arguments)
    #expect(run.status == 0 && run.output.contains("tessera"))
  }

  @Test("what is no model is one line of error")
  func badModels() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let empty = folder.appendingPathComponent("empty.gguf")
    let text = folder.appendingPathComponent("text.gguf")
    try Data().write(to: empty)
    try Data("not a model, but long enough to have a header".utf8).write(to: text)
    for path in [folder.path, empty.path, text.path, "/nonexistent/model.gguf"] {
      let runs = [["generate", "-p", "x", "-m", path], ["tokenize", "x", "-m", path], ["inspect", path]]
      for arguments in runs {
        let run = try CommandRun(arguments)
        #expect(run.isOneError && run.output.isEmpty, "\(arguments): \(run.status) \(run.errors)")
      }
    }
  }

  @Test("without a driver, the error names the package to install")
  func noDriver() throws {
    let run = try CommandRun(["devices"], environment: ["OCL_ICD_VENDORS": "/nonexistent"])
    #expect(run.isOneError && run.errors.contains("pocl-opencl-icd"))
  }

  @Test("an unknown device is an error that lists the devices")
  func unknownDevice() throws {
    let run = try CommandRun(["doctor", "--device", "no such device"])
    #expect(run.isOneError && run.errors.contains("0: "))
  }
}

@Suite(
  "The tessera command with a model", .serialized,
  .enabled(
    if: CommandRun.path != nil && CommandRun.model != nil, "TESSERA_TEST_COMMAND or TESSERA_TEST_SMOLLM2 is not set"))
struct CommandModelTests {
  private let model = CommandRun.model ?? ""

  @Test("generate gives its document")
  func generate() throws {
    let run = try CommandRun(["generate", "-m", model, "-p", "Hello", "-n", "3", "--json"])
    let document = try run.object()
    #expect(run.status == 0 && run.errors.isEmpty)
    #expect((document["tokens"] as? [Int])?.count == 3 && document["finish_reason"] as? String == "length")
    #expect(document["text"] is String && document["device"] is String && document["prompt_tokens"] is [Int])
    let statistics = try #require(document["statistics"] as? [String: Any])
    for key in [
      "load_seconds", "prompt_tokens", "prompt_seconds", "prompt_tokens_per_second", "generated_tokens",
      "generation_seconds", "generation_tokens_per_second", "time_to_first_token_seconds", "peak_device_bytes",
    ] {
      #expect(statistics[key] != nil, "\(key)")
    }
  }

  @Test("the device's peak is within what the plan said")
  func plan() throws {
    let plan = try #require(try CommandRun(["inspect", model, "--json"]).object()["memory"] as? [String: Any])
    let run = try CommandRun(["generate", "-m", model, "-p", "Hello", "-n", "1", "--json"]).object()
    let peak = try #require((run["statistics"] as? [String: Any])?["peak_device_bytes"] as? Int)
    #expect(peak <= plan["total_bytes"] as? Int ?? 0 && peak > plan["weights_bytes"] as? Int ?? .max)
  }

  @Test("a prompt comes from an option, a file, standard input or token ids")
  func prompts() throws {
    let text = "Hello there"
    let tokens = try #require(try CommandRun(["tokenize", "-m", model, text, "--json"]).object()["tokens"] as? [Int])
    let ids = tokens.map(String.init).joined(separator: ",")
    let shared = ["generate", "-m", model, "-n", "4", "--json", "--raw"]
    let runs = [
      try CommandRun(shared + ["-p", text]), try CommandRun(shared + ["-"], input: text),
      try CommandRun(shared + ["--file", "-"], input: text), try CommandRun(shared + ["--tokens", ids]),
    ]
    let answers = try runs.map { try $0.object()["text"] as? String }
    #expect(Set(answers).count == 1 && answers[0] != nil)
  }

  @Test("bad tokens, contexts and options are errors")
  func badInput() throws {
    for arguments in [["--tokens", "1,99999999"], ["--tokens", "-1"], ["-p", "x", "--context", "9999999"]] {
      let run = try CommandRun(["generate", "-m", model, "-n", "1"] + arguments)
      #expect(run.isOneError, "\(arguments): \(run.status) \(run.errors)")
    }
    #expect(try CommandRun(["generate", "-m", model, "--tokens", "1,x"]).status == 64)
  }

  @Test("tokenize and template go both ways")
  func text() throws {
    let ids = try CommandRun(["tokenize", "-m", model, "--decode", "19556,905", "--json"]).object()
    #expect(ids["tokens"] as? [Int] == [19556, 905] && (ids["pieces"] as? [String])?.joined() == "Hello world")
    let template = try CommandRun(
      ["template", "-m", model, "--messages", "-", "--json"], input: #"[{"role": "user", "content": "hi"}]"#
    ).object()
    #expect(
      (template["prompt"] as? String)?.hasSuffix("<|im_start|>assistant\n") == true && template["tokens"] is [Int])
  }

  @Test("logits writes a float32 array, and bench its rows")
  func logitsAndBench() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).npy").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let document = try CommandRun(["logits", "-m", model, "--tokens", "1,2,3", "-o", path, "--json"]).object()
    #expect(document["tokens"] as? Int == 3 && document["vocabulary"] as? Int == 49152)
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect((size ?? 0) > 3 * 49152 * 4)
    let rows = try #require(
      try CommandRun(["bench", "-m", model, "-p", "8", "-n", "2", "-r", "1", "-o", "json"]).json() as? [[String: Any]])
    #expect(rows.map { $0["test"] as? String } == ["pp8", "tg2"])
    #expect(rows.allSatisfy { $0["tokens_per_second_mean"] is Double && $0["n"] as? Int == 1 })
  }

  @Test("a cache that cannot be written costs only the cache")
  func noCache() throws {
    let run = try CommandRun(
      ["generate", "-m", model, "-p", "Hello", "-n", "1", "-q"], environment: ["TESSERA_CACHE": "/proc/nowhere"])
    #expect(run.status == 0 && run.errors.isEmpty)
  }
}
