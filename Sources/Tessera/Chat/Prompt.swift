import TesseraText

extension LanguageModel {
  /// The token ids of a conversation, as the model's chat template writes it.
  ///
  /// Special tokens are the template's affair: none is added.
  nonisolated func prompt(of messages: [ChatMessage], with template: ChatTemplate) throws -> [Int] {
    let text = try tokenizer.render(Conversation(messages: messages), with: template)
    return try tokenizer.encode(text, addSpecial: false, parseSpecial: true)
  }
}

extension Tokenizer {
  /// The text that a chat template makes of a conversation, with this vocabulary's special tokens.
  ///
  /// - Parameter addGenerationPrompt: ends with what opens the assistant's answer.
  public func render(
    _ conversation: Conversation, with template: ChatTemplate, addGenerationPrompt: Bool = true
  ) throws -> String {
    func text(_ id: Int?) throws -> String? { try id.map { String(decoding: try piece($0), as: UTF8.self) } }
    return try template.render(
      conversation, addGenerationPrompt: addGenerationPrompt, bosToken: try text(beginToken),
      eosToken: try text(endToken))
  }
}
