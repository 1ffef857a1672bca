import ArgumentParser
import Foundation
import Tessera
import TesseraSystem
import TesseraText

struct ChatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat", abstract: "Talk with a model in the terminal.",
    discussion: """
      Ctrl-C stops the answer; Ctrl-D or /quit ends. /help lists what else there is. Lines are edited as in a shell, and those of \
      earlier chats come back with the arrow keys; one that begins with a space is not kept.

      --resume FILE goes on with the conversation in the file, or begins it, and writes it after each answer. Options that it was \
      held with stay unless others are given.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var lora: AdapterOptions
  @OptionGroup var prefixes: PrefixCacheOptions
  @OptionGroup var sampling: SamplingOptions

  @Option(parsing: .unconditional, help: "What the system tells the model before the conversation.")
  var system: String?

  @Option(help: ArgumentHelp("Go on with the conversation in a file, and keep it there.", valueName: "file"))
  var resume: String?

  @Flag(name: .customLong("no-history"), help: "Keep no lines for the next chat.")
  var forgetsLines = false

  func run() async throws {
    if model.json { throw UsageError(message: "chat has no --json; use generate") }
    // Before the model is loaded: a file that cannot go on is an error at once.
    let file = try resume.map { try conversation($0) }
    let language = try await model.load(lora, prefixes)
    guard try language.chatTemplate != nil else {
      throw InputError(message: "\(model.model): the model has no chat template; use `tessera generate`")
    }
    var options = sampling.applied(to: try file?.generationOptions() ?? GenerationOptions())
    options.adapter = lora.chosen
    let instructions = system ?? file?.instructions
    let said = file.map { Array($0.messages.dropFirst($0.instructions == nil ? 0 : 1)) } ?? []
    let session = ChatSession(language, instructions: instructions, messages: said, options: options)
    if !model.quiet {
      Terminal.diagnose("\(language.device.name); /help lists the commands; Ctrl-C stops an answer")
      if let file { Terminal.diagnose(note(on: file)) }
    }
    let editor = LineEditor(history: forgetsLines ? nil : InputHistory())
    var loop = ChatLoop(session: session, file: file, isQuiet: model.quiet)
    while let line = editor.readLine(prompt: "> ") {
      guard await loop.take(line) else { break }
    }
    await language.flushDiskCache()
  }

  private func conversation(_ path: String) throws -> ConversationFile {
    let source = try ModelSource(path: model.model)
    let file = try ConversationFile(
      path: path, model: .init(name: source.name, digest: source.digest().hexadecimal))
    if let system, !file.messages.isEmpty, system != file.instructions {
      throw UsageError(message: "--system: the conversation in \(path.shownPath) began otherwise; leave it out")
    }
    return file
  }

  private func note(on file: ConversationFile) -> String {
    let path = file.path.shownPath
    guard let writer = file.writtenBy else { return "\(path): a new conversation" }
    let other = writer.digest == file.model.digest ? "" : ", held with another model, \(writer.name.shownPath)"
    return "\(path): \(file.messages.count) messages\(other)"
  }
}
