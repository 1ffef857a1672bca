import Foundation
import Tessera
import TesseraSystem
import TesseraText

/// What a chat does with the lines that the user types.
struct ChatLoop {
  let session: ChatSession
  /// Where the conversation is kept after each turn.
  var file: ConversationFile?
  let isQuiet: Bool
  private var totals = ChatTotals()

  init(session: ChatSession, file: ConversationFile?, isQuiet: Bool) {
    (self.session, self.file, self.isQuiet) = (session, file, isQuiet)
  }

  static let help = """
    /help       this list
    /stats      what the last answer and the whole conversation took
    /reset      forget the conversation, but not what the system told the model; --resume FILE keeps it in FILE~
    /save FILE  write the conversation as JSON messages
    /quit       end, as Ctrl-D does
    Ctrl-C      stop the answer
    """

  /// Sends a line to the model, or does what it commands; false ends the chat.
  mutating func take(_ line: String) async -> Bool {
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    switch words.first {
    case nil: break
    case "/quit", "/exit": return false
    case "/help": Terminal.diagnose(Self.help)
    case "/stats":
      let last = await session.lastResult?.statistics
      Terminal.diagnose(last.map { totals.text($0, of: session.model) } ?? "nothing was answered yet")
    case "/reset": await reset()
    case "/save": save(await session.messages, to: words.count > 1 ? words[1] : "")
    case let word? where word.hasPrefix("/"): Terminal.diagnose("\(word)? /help lists the commands.")
    default: await answer(line)
    }
    return true
  }

  /// Streams an answer; an error ends the answer and not the conversation.
  private mutating func answer(_ line: String) async {
    let session = session
    let task = Task {
      for try await piece in session.streamResponse(to: line) { Terminal.write(piece) }
    }
    let interrupt = Interrupt { task.cancel() }
    defer { interrupt.stop() }
    do {
      try await task.value
      Terminal.print("")
      if let result = await session.lastResult {
        if result.isContextFull(session.options, of: session.model.contextLength) {
          Terminal.diagnose(session.model.contextNote + "; /reset begins anew")
        }
        totals.add(result.statistics)
        if !isQuiet { Terminal.diagnose(Terminal.dimmed(result.statistics.line)) }
      }
    } catch {
      Terminal.print("")
      Terminal.diagnose("error: \(error)")
    }
    let messages = await session.messages
    guard messages != file?.messages ?? [] else { return }
    do { try file?.write(messages, session.options) } catch { Terminal.diagnose("error: \(error)") }
  }

  /// Begins anew, also in the file, once a copy has what it held.
  private mutating func reset() async {
    do {
      let isCopied = try file?.keepCopy() ?? false
      await session.reset()
      guard isCopied, let path = file?.path, let copy = file?.copyPath else { return }
      try file?.write(await session.messages, session.options)
      Terminal.diagnose("\(path.shownPath) begins anew; what was said is in \(copy.shownPath)")
    } catch {
      Terminal.diagnose("error: \(error)")
    }
  }

  private func save(_ messages: [ChatMessage], to path: String) {
    guard !path.isEmpty else { return Terminal.diagnose("error: /save needs a file's name") }
    do {
      let values = messages.map { ["role": $0.role, "content": $0.content.stringValue ?? ""] }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      // Devices are written to, links followed, and a file that is there stays until the new one is whole.
      let file = try AtomicFile(path: path, mode: ConversationFile.newMode)
      try file.append(Array(try encoder.encode(values)) + Array("\n".utf8))
      try file.commit()
      Terminal.diagnose("saved \(messages.count) messages to \(path)")
    } catch {
      Terminal.diagnose("error: \(error)")
    }
  }
}

/// What the answers of a chat took together.
struct ChatTotals {
  private(set) var answers = 0
  private(set) var cachedTokens = 0
  private(set) var computedTokens = 0
  private(set) var generatedTokens = 0

  mutating func add(_ statistics: GenerationStatistics) {
    answers += 1
    cachedTokens += statistics.cachedPromptTokens
    computedTokens += statistics.promptTokens - statistics.cachedPromptTokens
    generatedTokens += statistics.generatedTokens
  }

  /// What the last answer and all of them took, for people.
  func text(_ last: GenerationStatistics, of model: LanguageModel) -> String {
    let counts = "\(cachedTokens) cached, \(computedTokens) computed; answers \(generatedTokens) tokens"
    return last.summary(of: model).drop { $0.isNewline } + "\nall \(answers) turns: prompts \(counts)"
  }
}

extension GenerationStatistics {
  /// What of the cached tokens came from elsewhere than the device.
  private var tiers: String {
    let parts = [(cachedHostTokens, "host memory"), (cachedDiskTokens, "the disk")].filter { $0.0 > 0 }
    return parts.isEmpty ? "" : " (" + parts.map { "\($0) from \($1)" }.joined(separator: ", ") + ")"
  }

  /// One line for people: what of the prompt the cache had, and what was computed.
  var line: String {
    func format(_ value: Double) -> String { String(format: "%.1f", value) }
    let computed = promptTokens - cachedPromptTokens
    let speed = computed > 0 ? " at \(format(promptTokensPerSecond)) tokens/s" : ""
    return "prompt \(promptTokens) tokens: \(cachedPromptTokens) cached\(tiers), \(computed) computed\(speed); answer "
      + "\(generatedTokens) tokens, \(format(generationTokensPerSecond)) tokens/s; first token after "
      + "\(String(format: "%.2f", timeToFirstTokenSeconds)) s"
  }
}
