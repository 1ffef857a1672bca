import Jinja
import TesseraJSON

/// A conversation as a model reads it.
public struct ChatPrompt: Sendable, Equatable {
  /// The text that the chat template renders.
  public let text: String
  /// Its tokens. Markers that the template writes are control tokens; what messages say is text, whatever it looks like.
  public let tokens: [Int]
}

extension Tokenizer {
  /// The prompt that a chat template makes of a conversation, with this vocabulary's special tokens.
  ///
  /// No token is added to what the template writes. A message that says `<|im_end|>` cannot end its turn: the text of
  /// control tokens in messages, tools and variables is disguised before the template sees it, and the disguise is taken
  /// off what is no marker. (See `MarkerGuard`.)
  ///
  /// - Parameters:
  ///   - addGenerationPrompt: ends with what opens the assistant's answer.
  ///   - variables: further variables for the template, such as `enable_thinking`.
  ///   - now: seconds since 1970 that `strftime_now` shows; nil for the system's clock.
  ///   - check: given the prompt's text before it is encoded; what it throws ends that.
  /// - Throws: `ChatError` where the template cannot make a prompt or makes an empty one, `TextError` as `encode` does.
  package func prompt(
    of conversation: Conversation, with template: ChatTemplate, addGenerationPrompt: Bool = true,
    variables: JSONObject = [:], now: Int? = nil, check: (String) throws -> Void = { _ in }
  ) throws -> ChatPrompt {
    let begin = try text(of: beginToken)
    let end = try text(of: endToken)
    var markerGuard = MarkerGuard(
      self, template: template,
      visible: conversation.messages.map(\.value) + (conversation.tools ?? []) + [
        .object(variables), .string(begin ?? ""), .string(end ?? ""),
      ])
    var messages: [JSONValue] = []
    for message in conversation.messages {
      messages.append(try markerGuard.disguised(message.value, saidByModel: message.role == "assistant"))
    }
    let tools = try conversation.tools.map { try $0.map { try markerGuard.disguised($0) } }
    let given = try markerGuard.disguised(.object(variables)).objectValue ?? [:]
    let rendered: String
    do {
      rendered = try template.render(
        messages: messages, tools: tools, addGenerationPrompt: addGenerationPrompt, bosToken: begin, eosToken: end,
        variables: given, now: now)
    } catch {
      throw ChatError(error) { markerGuard.restored($0) }
    }
    guard !rendered.isEmpty else {
      throw ChatError(
        .nothingRendered, "the chat template renders nothing for this conversation: give it another template or prompt")
    }
    let text = markerGuard.restored(rendered)
    try check(text)
    return ChatPrompt(
      text: text, tokens: try encode(marked: rendered) { markerGuard.restored($0) })
  }

  private func text(of token: Int?) throws -> String? {
    try token.map { String(decoding: try piece($0), as: UTF8.self) }
  }
}
