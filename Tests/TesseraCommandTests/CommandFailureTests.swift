import Foundation
import TestSupport
import Testing

@Suite(
  "The tessera command where something fails", .serialized,
  .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandFailureTests {
  private let model = SyntheticModel.llama

  /// One line of error that has all of `words`, and nothing on standard output.
  private func expectError(
    _ words: [String], _ arguments: [String], environment: [String: String] = [:], input: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try CommandRun(arguments, environment: environment, input: input)
    #expect(
      run.isOneError && run.output.isEmpty && words.allSatisfy { run.errors.contains($0) },
      "\(arguments): \(run.status) \(run.errors)", sourceLocation: sourceLocation)
  }

  @Test("every command that runs a model names the driver's package where there is no driver")
  func noDriver() throws {
    try withTemporaryFolder { folder in
      let environment = ["OCL_ICD_VENDORS": folder.path]
      try model.withFile { path in
        let runs = [
          ["devices"], ["doctor"], ["generate", "-m", path, "-p", "x"], ["bench", "-m", path],
          ["logits", "-m", path, "--tokens", "1", "-o", folder.appendingPathComponent("x.npy").path],
          ["chat", "-m", path],
        ]
        for arguments in runs { try expectError(["pocl-opencl-icd"], arguments, environment: environment) }
        // What needs no device works without.
        for arguments in [["tokenize", "-m", path, "x"], ["inspect", path, "--json"]] {
          #expect(try CommandRun(arguments, environment: environment).status == 0)
        }
      }
    }
  }

  @Test("every command refuses what is no model in one line")
  func noModel() throws {
    try withTemporaryFolder { folder in
      let empty = folder.appendingPathComponent("empty.gguf").path
      let text = folder.appendingPathComponent("text.gguf").path
      try Data().write(to: URL(fileURLWithPath: empty))
      try Data(String(repeating: "no model ", count: 20).utf8).write(to: URL(fileURLWithPath: text))
      for path in [folder.path, empty, text, folder.path + "/none.gguf", "", "/dev/null"] {
        let output = folder.appendingPathComponent("x.npy").path
        for arguments in [
          ["generate", "-p", "x"], ["chat"], ["tokenize", "x"], ["template", "--messages", text],
          ["logits", "--tokens", "1", "-o", output], ["hidden", "--tokens", "1", "-o", output], ["embed", "x"],
          ["perplexity", "--file", text], ["bench"], ["inspect"],
        ] {
          try expectError([], arguments + ["-m", path])
        }
        #expect(!FileManager.default.fileExists(atPath: output))
      }
    }
  }

  @Test("a truncated model is one line of error wherever it is cut")
  func truncated() throws {
    try model.withFile { path in
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      for share in [0.01, 0.1, 0.3, 0.6, 0.999] {
        try data.prefix(Int(Double(data.count) * share)).write(to: URL(fileURLWithPath: path + ".cut"))
        try expectError([], ["generate", "-m", path + ".cut", "-p", "x", "-n", "1"])
      }
    }
  }

  @Test("bad ids, contexts and devices are errors with their numbers")
  func badNumbers() throws {
    try model.withFile { path in
      let generate = ["generate", "-m", path, "-n", "1"]
      let logits = ["logits", "-m", path, "-o", path + ".npy"]
      for id in ["259", "-1", "99999999999"] {
        try expectError([id], generate + ["--tokens=\(id)"])
        try expectError([id], logits + ["--tokens=1,\(id)"])
        try expectError([id], ["tokenize", "-m", path, "--decode=\(id)"])
      }
      try expectError(["2049", "2048"], generate + ["-p", "x", "--context", "2049"])
      try expectError(["4", "--context"], generate + ["--raw", "-p", "too long", "--context", "4"])
      try expectError(["no such", "0: "], generate + ["-p", "x", "--device", "no such"])
      try expectError(["99", "0: "], generate + ["-p", "x", "--device", "99"])
      try expectError(["no such", "0: "], generate + ["-p", "x"], environment: ["TESSERA_DEVICE": "no such"])
      try expectError(["sideways"], generate + ["-p", "x"], environment: ["TESSERA_STYLE": "sideways"])
      try expectError(["together"], generate + ["-p", "x", "--memory", "1"])
    }
  }

  @Test("wrong usage is status 64, says so on standard error and does nothing")
  func usage() throws {
    try model.withFile { path in
      let generate = ["generate", "-m", path]
      for arguments in [
        generate, generate + ["-p", "x", "--tokens", "1"], generate + ["--tokens", "1,,2"],
        generate + ["--tokens", "1,x"], generate + ["--tokens", "9999999999999999999999"], generate + ["--tokens", ""],
        generate + ["-p", "x", "-n", "-1"], generate + ["-p", "x", "-n", "many"],
        generate + ["-p", "x", "--temperature", "nan"], generate + ["-p", "x", "--temperature", "-1"],
        generate + ["-p", "x", "--top-k", "-1"], generate + ["-p", "x", "--min-p", "1.5"],
        generate + ["-p", "x", "--top-p", "-0.1"],
        generate + ["-p", "x", "--repeat-penalty", "0"], generate + ["-p", "x", "--stop", ""],
        generate + ["-p", "x", "--chat", "--raw"], generate + ["-p", "x", "--system", "y", "--raw"],
        generate + ["-p", "x", "--context", "0"], generate + ["-p", "x", "--memory", "0"],
        generate + ["-p", "x", "--seed", "-1"], generate + ["-p", "x", "--kv", "f8"], generate + ["text"],
        ["logits", "-m", path, "--tokens", "1", "-o", "/dev/null", "--chunk", "0"], ["logits", "-m", path],
        ["tokenize", "-m", path], ["tokenize", "-m", path, "x", "--decode", "1"], ["template", "-m", path],
        ["perplexity", "-m", path, "--file", path, "--context", "2"], ["bench", "-m", path, "-r", "0"],
        ["bench", "-m", path, "-p", "0", "-n", "0"], ["bench", "-m", path, "-o", "xml"],
        ["bench", "-m", path, "--synthetic", "llama-1b"], ["bench", "--synthetic", "llama-2b"],
        ["bench", "--synthetic", "llama-1b", "--type", "q9"], ["bench", "--synthetic", "llama-1b", "--layers", "0"],
        ["bench", "-m", path, "--type", "iq1_s"], ["bench", "-m", path, "--batch", "0"],
        generate + ["-p", "x", "--kv", "f16,f8"], generate + ["-p", "x", "--kv", "f16,f16,f16"], ["inspect"],
        ["inspect", path, "-m", path], ["chat", "-m", path, "--json"], ["devices", "--sideways"],
      ] {
        let run = try CommandRun(arguments)
        #expect(run.status == 64 && run.output.isEmpty && !run.errors.isEmpty, "\(arguments): \(run.status)")
      }
    }
  }

  @Test("messages that are no conversation, and templates that are none, are errors with their place")
  func templates() throws {
    try model.withFile { path in
      let template = ["template", "-m", path, "--messages", "-"]
      for input in ["", "{", "3", #"[{"role": 1}]"#, #"{"tools": []}"#] {
        try expectError(["standard input: "], template, input: input)
      }
      let broken = path + ".jinja"
      try Data("{% for x in %}".utf8).write(to: URL(fileURLWithPath: broken))
      try expectError(["line 1"], template + ["--template", broken], input: "[]")
      try Data("{# nothing #}".utf8).write(to: URL(fileURLWithPath: broken))
      try expectError(["the chat template renders nothing"], template + ["--template", broken], input: "[]")
      try expectError(["none.json"], ["template", "-m", path, "--messages", path + "none.json"])
    }
  }

  @Test("a reader that goes away ends the command quietly", arguments: ["generate", "tokenize", "inspect", "devices"])
  func brokenPipe(name: String) throws {
    try model.withFile { path in
      let arguments = [
        "generate": ["generate", "-m", path, "-p", "x", "--raw", "-n", "20", "-q"],
        "tokenize": ["tokenize", "-m", path, "some words"], "inspect": ["inspect", path], "devices": ["devices"],
      ]
      let run = try CommandRun(
        try #require(arguments[name]), shell: #"{ sleep 0.2; "$@"; echo "status $?" >&2; } | exec true"#)
      #expect(run.errors == "status 0\n")
    }
  }

  @Test("an output that is full is one line of error")
  func fullOutput() throws {
    try model.withFile { path in
      for arguments in [
        ["generate", "-m", path, "-p", "x", "-n", "2", "-q"], ["generate", "-m", path, "-p", "x", "-n", "2", "--json"],
        ["tokenize", "-m", path, "x"], ["inspect", path], ["devices", "--json"],
      ] {
        let run = try CommandRun(arguments, shell: #"exec "$@" >/dev/full"#)
        #expect(run.isOneError && run.errors.contains("No space left"), "\(arguments): \(run.status) \(run.errors)")
      }
      for output in ["/dev/full", "/nonexistent/x.npy", FileManager.default.temporaryDirectory.path] {
        try expectError([output], ["logits", "-m", path, "--tokens", "1,2", "-o", output])
      }
      // Nobody hears the statistics, and the answer is there.
      let run = try CommandRun(["generate", "-m", path, "-p", "x", "-n", "2"], shell: #"exec "$@" 2>/dev/full"#)
      #expect(run.status == 0 && !run.output.isEmpty)
    }
  }

  @Test("a cache that cannot be used costs only the cache")
  func cache() throws {
    try model.withFile { path in
      let generate = ["generate", "-m", path, "-p", "x", "-n", "2", "-q"]
      let expected = try CommandRun(generate)
      #expect(expected.status == 0 && expected.errors.isEmpty)
      // A path under /proc, a file, a path under a file.
      for cache in ["/proc/nowhere", path, path + "/cache", "/dev/null"] {
        let run = try CommandRun(generate, environment: ["TESSERA_CACHE": cache])
        #expect(run.status == 0 && run.errors.isEmpty && run.output == expected.output, "\(cache): \(run.errors)")
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)).starts(with: Array("GGUF".utf8)))
    }
  }
}
