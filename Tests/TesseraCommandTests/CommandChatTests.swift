import Foundation
import TestSupport
import Testing

@testable import TesseraCommand

@Suite(
  "tessera chat", .serialized, .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandChatTests {
  private let model = SyntheticModel.llama

  private func messages(_ file: URL) throws -> [String] {
    let list = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [[String: String]]
    return try #require(list).map { "\($0["role"] ?? "") \($0["content"] ?? "")" }
  }

  @Test(
    "lines are edited, and come back in the next chat; characters are whole ones in any locale",
    .timeLimit(.minutes(60))
  )
  func editing() throws {
    try model.withFile { path in
      try withTemporaryFolder { folder in
        let saved = folder.appendingPathComponent("saved.json")
        let environment = ["XDG_STATE_HOME": folder.path, "LC_ALL": "C", "TERM": "xterm"]
        let arguments = ["chat", "-m", path, "-n", "1", "-q"]
        let first = try TerminalRun(arguments, environment: environment)
        // Left, and what was forgotten; a character of three bytes taken back.
        try first.type("helo\u{1b}[Dl\r", at: "> ")
        try first.type("né日\u{7f}!\r", at: "> ")
        try first.type(" secret\r", at: "> ")
        try first.type("/save \(saved.path)\r", at: "> ")
        try first.type("\u{4}", at: "> ")
        #expect(try first.end() == 0, "\(first.screen)")
        let users = try messages(saved).filter { $0.hasPrefix("user") }
        #expect(users == ["user hello", "user né!", "user  secret"])

        let history = folder.appendingPathComponent("tessera/chat-history")
        let text = try String(contentsOf: history, encoding: .utf8)
        #expect(text == "hello\nné!\n/save \(saved.path)\n")
        let attributes = try FileManager.default.attributesOfItem(atPath: history.path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)

        let second = try TerminalRun(arguments, environment: environment)
        // Up twice, and something behind it.
        try second.type("\u{1b}[A\u{1b}[A again\r", at: "> ")
        try second.type("/save \(saved.path)\r", at: "> ")
        try second.type("/quit\r", at: "> ")
        #expect(try second.end() == 0, "\(second.screen)")
        #expect(try messages(saved).first == "user né! again")

        let third = try TerminalRun(arguments + ["--no-history"], environment: environment)
        try third.type("unheard\r", at: "> ")
        try third.type("/quit\r", at: "> ")
        #expect(try third.end() == 0, "\(third.screen)")
        #expect(try !String(contentsOf: history, encoding: .utf8).contains("unheard"))
      }
    }
  }

  @Test("commands: a list of them, figures, a new beginning; an unknown one is no message")
  func commands() throws {
    try model.withFile { path in
      let run = try CommandRun(
        ["chat", "-m", path, "-n", "2"],
        input: "/stats\nhello\n/stats\n/help\n/nonsense\n\n/reset\n/save /dev/null\n/save\n/quit\nnever\n")
      #expect(run.status == 0, "\(run.errors)")
      for text in [
        "nothing was answered yet", "/reset      forget", "Ctrl-C      stop the answer", "/nonsense? /help",
        "all 1 turns: prompts 0 cached, ", "; answers 2 tokens", "loaded in ", "saved 0 messages to /dev/null",
        "/save needs a file's name",
      ] { #expect(run.errors.contains(text), "\(text): \(run.errors)") }
      // A pipe has no history and no colors.
      #expect(!run.errors.contains("\u{1b}") && !run.output.contains(">"))
    }
  }

  @Test("a conversation goes on after a restart, as if it had not been interrupted, with its options")
  func resume() throws {
    try model.withFile { path in
      try withTemporaryFolder { folder in
        let (file, saved) = (folder.appendingPathComponent("talk.json"), folder.appendingPathComponent("saved.json"))
        let chat = ["chat", "-m", path, "-q"]
        let options = ["-n", "3", "--temperature", "0.7", "--seed", "18446744073709551615", "--system", "short"]
        let whole = try CommandRun(chat + options, input: "one\ntwo\n/save \(saved.path)\n")
        #expect(whole.status == 0, "\(whole.errors)")
        let first = try CommandRun(chat + options + ["--resume", file.path], input: "one\n")
        #expect(first.status == 0, "\(first.errors)")
        // The options are the file's; only what is given anew would be another.
        let second = try CommandRun(chat + ["--resume", file.path], input: "two\n")
        #expect(second.status == 0, "\(second.errors)")
        #expect(first.output + second.output == whole.output)
        let document = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        let messages = try #require(document?["messages"] as? [[String: String]])
        #expect(messages.map { "\($0["role"] ?? "") \($0["content"] ?? "")" } == (try self.messages(saved)))
        let kept = try #require(document?["options"] as? [String: Any])
        #expect(kept["max_tokens"] as? Int == 3 && kept["seed"] as? String == "18446744073709551615")
        let writer = try #require(document?["model"] as? [String: String])
        #expect(writer["name"] == path.split(separator: "/").last.map(String.init) && writer["digest"]?.count == 64)

        let before = try Data(contentsOf: file)
        let idle = try CommandRun(
          ["chat", "-m", path, "--resume", file.path, "--system", "short"], input: "/stats\n")
        #expect(idle.status == 0 && idle.errors.contains("talk.json: 5 messages\n"), "\(idle.errors)")
        let other = try CommandRun(chat + ["--resume", file.path, "--system", "long"], input: "three\n")
        #expect(other.status == 64 && other.errors.contains("began otherwise"), "\(other.errors)")
        try SyntheticModel.gemma3.withFile { path in
          let other = try CommandRun(["chat", "-m", path, "--resume", file.path], input: "")
          #expect(other.errors.contains("held with another model, \(writer["name"] ?? "")"), "\(other.errors)")
        }
        #expect(try Data(contentsOf: file) == before)
      }
    }
  }

  private func mode(_ file: URL) throws -> Int? {
    (try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? NSNumber)?.intValue
  }

  @Test("what is said is kept for the user alone, and a file that is there keeps its permissions")
  func permissions() throws {
    try model.withFile { path in
      try withTemporaryFolder { folder in
        let (file, saved) = (folder.appendingPathComponent("talk.json"), folder.appendingPathComponent("saved.json"))
        func chat() throws {
          let run = try CommandRun(
            ["chat", "-m", path, "-n", "1", "-q", "--resume", file.path], input: "one\n/save \(saved.path)\n")
          #expect(run.status == 0, "\(run.errors)")
        }
        try chat()
        #expect(try mode(file) == 0o600 && mode(saved) == 0o600)
        for file in [file, saved] { #expect(chmod(file.path, 0o644) == 0) }
        try chat()
        #expect(try mode(file) == 0o644 && mode(saved) == 0o644)
      }
    }
  }

  @Test("a new beginning is one in the file too, and what was said stays in a copy")
  func reset() throws {
    try model.withFile { path in
      try withTemporaryFolder { folder in
        let file = folder.appendingPathComponent("talk.json")
        let copy = folder.appendingPathComponent("talk.json~")
        func chat(_ input: String) throws -> String {
          let run = try CommandRun(
            ["chat", "-m", path, "-n", "1", "-q", "--system", "short", "--resume", file.path], input: input)
          #expect(run.status == 0, "\(run.errors)")
          return run.errors
        }
        func texts(_ file: URL) throws -> [String?] {
          try ConversationFile(path: file.path, model: .init(name: "", digest: "")).messages
            .filter { $0.role != "assistant" }.map { $0.content.stringValue }
        }
        // Nothing to keep.
        #expect(try !chat("/reset\n").contains("begins anew"))
        #expect(!FileManager.default.fileExists(atPath: file.path))
        _ = try chat("one\n")
        let whole = try Data(contentsOf: file)
        #expect(chmod(file.path, 0o640) == 0)
        try Data("older".utf8).write(to: copy)
        #expect(chmod(copy.path, 0o666) == 0)
        let told = try chat("/reset\n/quit\n")
        #expect(told.contains("talk.json begins anew; what was said is in ") && told.contains("talk.json~"), "\(told)")
        #expect(try Data(contentsOf: copy) == whole && texts(file) == ["short"])
        #expect(try mode(file) == 0o640 && mode(copy) == 0o640)
        // Once more: an empty conversation does not take the copy's place.
        #expect(try !chat("/reset\n").contains("begins anew") && Data(contentsOf: copy) == whole)
        _ = try chat("two\n/reset\nthree\n")
        #expect(try texts(copy) == ["short", "two"] && texts(file) == ["short", "three"])
        // Without a copy nothing is forgotten.
        try FileManager.default.removeItem(at: copy)
        try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: false)
        #expect(try chat("/reset\n").contains("error: \(copy.path)") && texts(file) == ["short", "three"])
      }
    }
  }

  @Test("with a disk cache a conversation that goes on has its keys and values from there, and says so")
  func diskCache() throws {
    try model.withFile { path in
      try withTemporaryFolder { folder in
        let file = folder.appendingPathComponent("talk.json").path
        let long = String(repeating: "All of this is read again. ", count: 12)
        func chat(_ options: [String], _ input: String) throws -> CommandRun {
          let run = try CommandRun(["chat", "-m", path, "-n", "3", "--resume", file] + options, input: input)
          #expect(run.status == 0, "\(run.errors)")
          return run
        }
        let cache = ["--disk-cache", folder.appendingPathComponent("kv").path]
        #expect(try chat(cache, long + "\n").errors.contains(" tokens: 0 cached, "))
        let talk = try Data(contentsOf: URL(fileURLWithPath: file))
        let warm = try chat(cache, "And now?\n")
        #expect(warm.errors.contains(" tokens: 320 cached (320 from the disk), "), "\(warm.errors)")
        try talk.write(to: URL(fileURLWithPath: file))
        let cold = try chat([], "And now?\n")
        #expect(cold.errors.contains(" tokens: 0 cached, ") && cold.output == warm.output, "\(cold.errors)")
      }
    }
  }

  @Test("a file that is no conversation is an error at once, and stays as it is")
  func badFiles() throws {
    try model.withFile { path in
      try withTemporaryFolder { folder in
        let file = folder.appendingPathComponent("talk.json")
        let chat = ["chat", "-m", path, "-n", "1", "-q", "--resume", file.path]
        #expect(try CommandRun(chat, input: "one\n").status == 0)
        let whole = try String(contentsOf: file, encoding: .utf8)
        for (text, reason) in [
          ("[]", "an array"), (String(whole.dropLast(20)), "line "), ("{}", "does not say"), ("\u{0}", "line "),
          (whole.replacingOccurrences(of: "\"version\": 1", with: "\"version\": 2"), "another version"),
          (whole.replacingOccurrences(of: "\"role\": \"user\"", with: "\"role\": 1"), "role"),
          (whole.replacingOccurrences(of: "\"content\": \"one\"", with: "\"content\": null"), "no text"),
          (whole.replacingOccurrences(of: "\"top_k\": 40", with: "\"top_k\": \"40\""), "top_k"),
        ] {
          #expect(text != whole)
          try Data(text.utf8).write(to: file)
          let run = try CommandRun(chat, input: "two\n")
          #expect(
            run.isOneError && run.errors.contains(reason) && run.errors.contains("left as it is"), "\(run.errors)")
          #expect(try Data(contentsOf: file) == Data(text.utf8))
        }
        let there = try CommandRun(["chat", "-m", path, "--resume", folder.path], input: "two\n")
        #expect(there.isOneError && there.errors.contains("folder"), "\(there.errors)")
        // An answer that cannot be kept is an answer all the same.
        let nowhere = try CommandRun(
          ["chat", "-m", path, "-n", "1", "-q", "--resume", folder.path + "/none/talk.json"], input: "one\n/stats\n")
        #expect(
          nowhere.status == 0 && nowhere.errors.contains("error: \(folder.path)/none/talk.json"), "\(nowhere.errors)")
        #expect(nowhere.errors.contains("all 1 turns"))
      }
    }
  }
}
