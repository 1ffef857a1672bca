import Foundation
import TestSupport
import Testing

@testable import TesseraCommand

@Suite(
  "The tessera command's texts, options and files", .serialized,
  .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandInputTests {
  private let model = SyntheticModel.llama

  @Test(
    "standard input that cannot be read is one line of error in every command",
    arguments: ["exec \"$@\" < /tmp", "exec \"$@\" <&-", "exec \"$@\" 0> /dev/null"])
  func standardInput(shell: String) throws {
    try model.withFile { path in
      for arguments in [
        ["tokenize", "-m", path, "-"], ["tokenize", "-m", path, "--file", "-"], ["generate", "-m", path, "-"],
        ["generate", "-m", path, "--file", "-"], ["template", "-m", path, "--messages", "-"],
        ["perplexity", "-m", path, "--file", "-"],
      ] {
        let run = try CommandRun(arguments, shell: shell)
        #expect(
          run.isOneError && run.output.isEmpty && run.errors.hasPrefix("error: standard input cannot be read: it is "),
          "\(arguments): \(run.status) \(run.errors)")
      }
    }
  }

  @Test("a text's file that is a folder, endless or missing is an error that says which")
  func files() throws {
    try model.withFile { path in
      for (file, word) in [("/tmp", "folder"), ("/dev/zero", "MiB"), (path + ".none", "no such file")] {
        let runs = [["tokenize", "--file", file], ["generate", "--file", file], ["template", "--messages", file]]
        for arguments in file == "/dev/zero" ? [runs[0]] : runs {
          let run = try CommandRun(arguments + ["-m", path])
          #expect(
            run.isOneError && run.errors.contains(file) && run.errors.contains(word), "\(arguments): \(run.errors)")
        }
      }
      #expect(try CommandRun(["tokenize", "-m", path, "--file", "/dev/stdin", "-q"], input: "ab").status == 0)
    }
  }

  @Test("a reader takes what fits its limit, and no byte more")
  func limit() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("text")
      try Data(repeating: 65, count: 200_000).write(to: file)
      #expect(try InputText.read(file.path, limit: 200_000).count == 200_000)
      #expect(throws: InputError.self) { try InputText.read(file.path, limit: 199_999) }
    }
  }

  @Test("texts of options may begin with a dash")
  func dashes() throws {
    try model.withFile { path in
      let generate = ["generate", "-m", path, "-n", "2", "-q"]
      for arguments in [
        ["-p", "x", "--raw", "--stop", "---"], ["-p", "---", "--raw"],
        ["-p", "x", "--raw", "--stop", "-x", "--stop", "--stop"],
        ["-p", "- x", "--system", "- be terse"],
      ] {
        let run = try CommandRun(generate + arguments)
        #expect(run.status == 0, "\(arguments): \(run.errors)")
      }
      let chat = try CommandRun(["chat", "-m", path, "-n", "2", "-q", "--system", "--x"], input: "hi\n")
      #expect(chat.status == 0 && chat.errors.isEmpty, "\(chat.errors)")
    }
  }

  @Test("three dashes are joined to their option, and to nothing else")
  func joinedDashes() {
    #expect(joinDashes(["--stop", "---", "-p", "----x"]) == ["--stop=---", "--prompt=----x"])
    for arguments in [["-p", "--x"], ["--stop=a", "---"], ["---"], ["text", "---"], ["--", "--stop", "---"], []] {
      #expect(joinDashes(arguments) == arguments)
    }
  }

  @Test("--top-p 0 and --min-p 1 take the likeliest token alone")
  func likeliestAlone() throws {
    try model.withFile { path in
      let generate = ["generate", "-m", path, "-p", "abc", "--raw", "-n", "8", "-q"]
      let greedy = try CommandRun(generate)
      for arguments in [["--top-p", "0"], ["--min-p", "1"]] {
        let run = try CommandRun(generate + ["--temperature", "2", "--seed", "1"] + arguments)
        #expect(run.status == 0 && run.output == greedy.output && !run.output.isEmpty, "\(arguments): \(run.errors)")
      }
    }
  }

  @Test("/save writes through links and to devices, and leaves them what they are")
  func save() throws {
    try model.withFile { path in
      try withTemporaryFolder { folder in
        let (target, link) = (folder.appendingPathComponent("target"), folder.appendingPathComponent("link"))
        let device = folder.appendingPathComponent("null")
        try Data("old".utf8).write(to: target)
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: target)
        let node = Process()
        node.executableURL = URL(fileURLWithPath: "/bin/sh")
        node.arguments = ["-c", "mknod \"$1\" c 1 3 2>/dev/null", "sh", device.path]
        try node.run()
        node.waitUntilExit()
        // Only root may make a device.
        let outputs = [link.path] + (node.terminationStatus == 0 ? [device.path] : [])
        let run = try CommandRun(
          ["chat", "-m", path, "-n", "2", "--system", "short"],
          input: (outputs + [folder.path]).map { "/save \($0)\n" }.joined())
        #expect(run.status == 0, "\(run.errors)")
        for output in outputs { #expect(run.errors.contains("saved 1 messages to \(output)"), "\(run.errors)") }
        #expect(run.errors.contains("error: \(folder.path)") && run.errors.contains("folder"))
        var status = stat()
        #expect(lstat(link.path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        let messages = try JSONSerialization.jsonObject(with: Data(contentsOf: target)) as? [[String: String]]
        #expect(messages == [["role": "system", "content": "short"]])
        if outputs.count == 2 { #expect(lstat(device.path, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR) }
      }
    }
  }

  @Test("an unknown device's message lists index and name")
  func unknownDevice() throws {
    let run = try CommandRun(["doctor"], environment: ["TESSERA_DEVICE": "bogus"])
    #expect(run.isOneError && run.errors.contains("\"bogus\"") && run.errors.contains("one of these: \"0: "))
  }

  @Test("perplexity's window is at most what the model was trained for, and it says so")
  func defaultWindow() throws {
    try model.withFile({ $0.metadata["llama.context_length"] = .uint32(32) }) { path in
      let text = String(repeating: "some words ", count: 10)
      let perplexity = ["perplexity", "-m", path, "--file", "-"]
      let run = try CommandRun(perplexity, input: text)
      #expect(run.status == 0 && run.errors.contains("note: windows of 32 tokens"), "\(run.errors)")
      // Each window's second half is scored, but its last token.
      #expect(run.output.contains("over \(text.utf8.count / 32 * 15) tokens"), "\(run.output)")
      #expect(try CommandRun(perplexity + ["-q"], input: text).errors.contains("note:") == false)
    }
  }

  @Test("the driver's device is there where the home folder cannot be written")
  func readOnlyHome() throws {
    try withTemporaryFolder { folder in
      let names = try (CommandRun(["devices", "--json"]).json() as? [[String: Any]])?.map { $0["name"] as? String }
      let homeless = [
        "HOME": "/proc/nowhere", "XDG_CACHE_HOME": "", "POCL_CACHE_DIR": "", "TESSERA_CACHE": "",
        "TMPDIR": folder.path,
      ]
      let run = try CommandRun(["devices", "--json"], environment: homeless)
      #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
      #expect(try (run.json() as? [[String: Any]])?.map { $0["name"] as? String } == names)
    }
  }

  @Test("a build log tells what was compiled, and that a later run loads it")
  func buildLog() throws {
    try withTemporaryFolder { folder in
      try model.withFile { path in
        let log = folder.appending(path: "log").path
        let environment = ["TESSERA_CACHE": folder.path, "TESSERA_BUILD_LOG": log, "TESSERA_PROGRAM_CACHE": "1"]
        func kinds() throws -> Set<String> {
          let run = try CommandRun(["generate", "-m", path, "-p", "x", "-n", "1", "-q"], environment: environment)
          #expect(run.status == 0, "\(run.errors)")
          let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false)
          }
          try FileManager.default.removeItem(atPath: log)
          #expect(lines.allSatisfy { $0.count == 5 && (Double($0[0]) ?? -1) >= 0 && $0[3].hasSuffix(".cl") })
          return Set(lines.map { String($0[1]) })
        }
        let (first, second) = (try kinds(), try kinds())
        #expect(first == ["compiled"])
        #expect(second == ["loaded"])
      }
    }
  }

  @Test("statistics tell the cached tokens of a prompt from the computed ones")
  func cachedTokens() throws {
    try model.withFile { path in
      let run = try CommandRun(
        ["chat", "-m", path, "-n", "2"], input: String(repeating: "hello ", count: 20) + "\nagain\n")
      let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("prompt ") }
      #expect(lines.count == 2 && lines[0].contains(" tokens: 0 cached, "), "\(run.errors)")
      #expect(!lines[1].contains(" tokens: 0 cached, ") && lines[1].contains(" computed at "), "\(run.errors)")
    }
  }
}
