import ArgumentParser
import Foundation
import Tessera
import TesseraSystem
import TesseraText

struct ChatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat", abstract: "Talk with a model in the terminal.",
    discussion: """
      Ctrl-C stops the answer. /reset forgets the conversation, /save FILE writes it as JSON messages, /quit ends.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions
  @OptionGroup var prefixes: PrefixCacheOptions
  @OptionGroup var sampling: SamplingOptions

  @Option(parsing: .unconditional, help: "What the system tells the model before the conversation.")
  var system: String?

  func run() async throws {
    if model.json { throw UsageError(message: "chat has no --json; use generate") }
    let language = try await model.load(lora, prefixes)
    guard try language.chatTemplate != nil else {
      throw InputError(message: "\(model.model): the model has no chat template; use `tessera generate`")
    }
    var options = sampling.options
    options.adapter = lora.chosen
    let session = ChatSession(language, instructions: system, options: options)
    if !model.quiet { Terminal.diagnose("\(language.device.name); /reset, /save FILE, /quit; Ctrl-C stops an answer") }
    while let line = readLine(prompt: "> ") {
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      switch words.first {
      case nil: continue
      case "/quit", "/exit": return
      case "/reset": await session.reset()
      case "/save": save(await session.messages, to: words.count > 1 ? words[1] : "")
      case let word? where word.hasPrefix("/"):
        Terminal.diagnose("\(word)? There are /reset, /save FILE and /quit.")
      default: await answer(line, session)
      }
    }
  }

  /// Streams an answer; an error ends the answer and not the conversation.
  private func answer(_ line: String, _ session: ChatSession) async {
    let task = Task {
      for try await piece in session.streamResponse(to: line) { Terminal.write(piece) }
    }
    let interrupt = Interrupt { task.cancel() }
    defer { interrupt.stop() }
    do {
      try await task.value
      Terminal.print("")
      guard let result = await session.lastResult else { return }
      if result.isContextFull(session.options, of: session.model.contextLength) {
        Terminal.diagnose(session.model.contextNote + "; /reset begins anew")
      }
      if !model.quiet { Terminal.diagnose(result.statistics.summary(of: session.model)) }
    } catch {
      Terminal.print("")
      Terminal.diagnose("error: \(error)")
    }
  }

  private func readLine(prompt: String) -> String? {
    if Terminal.standardInputIsTerminal { Terminal.write(prompt) }
    return Swift.readLine()
  }

  private func save(_ messages: [ChatMessage], to path: String) {
    guard !path.isEmpty else { return Terminal.diagnose("error: /save needs a file's name") }
    do {
      let values = messages.map { ["role": $0.role, "content": $0.content.stringValue ?? ""] }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      // Devices are written to, links followed, and a file that is there stays until the new one is whole.
      let file = try AtomicFile(path: path)
      try file.append(Array(try encoder.encode(values)) + Array("\n".utf8))
      try file.commit()
      Terminal.diagnose("saved \(messages.count) messages to \(path)")
    } catch {
      Terminal.diagnose("error: \(error)")
    }
  }
}
