import ArgumentParser
import Tessera
import TesseraText

struct TemplateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "template", abstract: "Render a conversation with a model's chat template.")

  @Option(name: [.short, .long], help: "The model: a GGUF file or a Hugging Face folder.")
  var model: String

  @Option(help: "A JSON file of message objects, or of an object with messages and tools; - for standard input.")
  var messages: String

  @Option(help: "A file with a Jinja template, instead of the model's.")
  var template: String?

  @Flag(help: "Do not open the assistant's answer.")
  var noGenerationPrompt = false

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "Accepted for symmetry; there is nothing to leave out.")
  var quiet = false

  func run() throws {
    let source = try ModelSource(path: model)
    let tokenizer = try source.tokenizer()
    let conversation = try Conversation(
      fromJSON: try InputText.read(messages), path: messages == "-" ? "standard input" : messages)
    let chatTemplate: ChatTemplate
    if let template {
      chatTemplate = try ChatTemplate(source: String(decoding: try InputText.read(template), as: UTF8.self))
    } else if let own = try source.chatTemplate(of: tokenizer, hasTools: conversation.tools != nil) {
      chatTemplate = own
    } else {
      throw InputError(message: "\(model): the model has no chat template; give one with --template")
    }
    let prompt = try tokenizer.prompt(
      of: conversation, with: chatTemplate, addGenerationPrompt: !noGenerationPrompt)
    guard json else { return Terminal.print(prompt.text) }
    try Terminal.printJSON(Document(prompt: prompt.text, tokens: prompt.tokens))
  }

  private struct Document: Encodable {
    let prompt: String
    let tokens: [Int]
  }
}
