import TesseraText

extension LanguageModel {
  /// The token ids of a conversation, as the model's chat template writes it.
  ///
  /// Special tokens are the template's affair: none is added.
  func prompt(of messages: [ChatMessage], with template: ChatTemplate) throws -> [Int] {
    try tokenizer.prompt(of: Conversation(messages: messages), with: template).tokens
  }
}
