import Foundation
import Tessera
import TestSupport
import Testing
import TesseraText

@testable import TesseraCommand

@Suite("Files of a chat")
struct ChatFileTests {
  private static let model = ConversationFile.Model(name: "m", digest: "d")

  @Test("options come back as they were, and what is given anew stands above them")
  func options() throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("talk.json").path
      var options = GenerationOptions()
      (options.maxTokens, options.temperature, options.topK, options.topP) = (9, 0.7, 0, 0.123)
      (options.minP, options.repeatPenalty, options.seed, options.stopStrings) = (0, 1.1, .max, ["\n", "é\"\\"])
      var file = try ConversationFile(path: path, model: Self.model)
      #expect(file.messages.isEmpty && file.writtenBy == nil && file.instructions == nil)
      #expect(try file.generationOptions() == GenerationOptions())
      let messages = [
        ChatMessage(role: "system", content: "s"), ChatMessage(role: "user", content: "u\u{0}\u{2028}\u{1F600}"),
      ]
      try file.write(messages, options)
      let again = try ConversationFile(path: path, model: .init(name: "n", digest: "e"))
      #expect(again.messages == messages && again.writtenBy == Self.model && again.instructions == "s")
      let kept = try again.generationOptions()
      #expect(kept == options)
      #expect(try SamplingOptions.parse([]).applied(to: kept) == options)
      let mixed = try SamplingOptions.parse(["--temperature", "1.5", "--stop", "x"]).applied(to: kept)
      #expect(mixed.temperature == 1.5 && mixed.stopStrings == ["x"] && mixed.seed == .max && mixed.topK == 0)
      // What is given as it is by default is given, too.
      let defaults = GenerationOptions()
      let given = try SamplingOptions.parse([
        "--temperature", "\(defaults.temperature)", "--top-k", "\(defaults.topK)", "--top-p", "\(defaults.topP)",
        "--min-p", "\(defaults.minP)", "--repeat-penalty", "\(defaults.repeatPenalty)",
      ]).applied(to: kept)
      #expect(given.temperature == defaults.temperature && given.topK == defaults.topK && given.topP == defaults.topP)
      #expect(given.minP == defaults.minP && given.repeatPenalty == defaults.repeatPenalty && given.maxTokens == 9)
    }
  }

  @Test("a file that another process has written meanwhile stays as that has left it")
  func twoWriters() throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("talk.json").path
      var (first, second) = (
        try ConversationFile(path: path, model: Self.model), try ConversationFile(path: path, model: Self.model)
      )
      try first.write([ChatMessage(role: "user", content: "first")], GenerationOptions())
      #expect(throws: InputError.self) {
        try second.write([ChatMessage(role: "user", content: "second")], GenerationOptions())
      }
      try first.write([ChatMessage(role: "user", content: "first, again")], GenerationOptions())
      #expect(try ConversationFile(path: path, model: Self.model).messages.first?.content == "first, again")
      // An empty file, as made to hold the name, is begun.
      try Data().write(to: URL(fileURLWithPath: path))
      #expect(try ConversationFile(path: path, model: Self.model).messages.isEmpty)
    }
  }

  @Test("chats at once lose none of each other's lines")
  func historyOfMany() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let history = try #require(InputHistory(environment: ["XDG_STATE_HOME": folder.path], patience: .seconds(600)))
    await withTaskGroup(of: Void.self) { group in
      for chat in 0..<4 { group.addTask { for number in 0..<50 { history.append("\(chat) says \(number)") } } }
    }
    let lines = history.lines
    #expect(lines.count == 200)
    for chat in 0..<4 {
      #expect(lines.filter { $0.hasPrefix("\(chat) ") } == (0..<50).map { "\(chat) says \($0)" })
    }
  }

  @Test("the history keeps its size, one line a line, and survives what others do to its file")
  func history() throws {
    try withTemporaryFolder { folder in
      let environment = ["XDG_STATE_HOME": folder.path, "HOME": "/home/x"]
      let history = try #require(InputHistory(environment: environment))
      #expect(history.file.path == folder.path + "/tessera/chat-history" && history.lines == [])
      for line in ["one", "one", "two\nlines", "three"] { history.append(line) }
      #expect(history.lines == ["one", "two lines", "three"])
      for number in 0..<InputHistory.lineLimit { history.append("line \(number)") }
      #expect(history.lines.count == InputHistory.lineLimit && history.lines.first == "line 0")
      // More bytes than are kept: the oldest lines go, and a line that is too long alone leaves none.
      history.append(String(repeating: "x", count: InputHistory.byteLimit - 12))
      #expect(history.lines.count == 2 && history.lines.first == "line 999")
      history.append(String(repeating: "y", count: InputHistory.byteLimit))
      #expect(history.lines.isEmpty)
      try Data(count: 3 * InputHistory.byteLimit).write(to: history.file)
      #expect(history.lines.isEmpty)
      history.append("anew")
      #expect(history.lines == ["anew"])
      // A link is not followed.
      let other = folder.appendingPathComponent("other")
      try Data("theirs\n".utf8).write(to: other)
      try FileManager.default.removeItem(at: history.file)
      try FileManager.default.createSymbolicLink(at: history.file, withDestinationURL: other)
      #expect(history.lines.isEmpty)
      history.append("mine")
      #expect(try String(contentsOf: other, encoding: .utf8) == "theirs\n" && history.lines == ["mine"])

      let home = try #require(InputHistory(environment: ["XDG_STATE_HOME": "relative", "HOME": "/home/x"]))
      #expect(home.file.path == "/home/x/.local/state/tessera/chat-history")
      #expect(InputHistory(environment: [:]) == nil)
      #expect(InputHistory.isKept("a b") && !InputHistory.isKept(" a") && !InputHistory.isKept(""))
    }
  }
}
