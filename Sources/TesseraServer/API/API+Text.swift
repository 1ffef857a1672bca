import Tessera
import TesseraJSON
import TesseraText

extension API {
  /// Reads messages where texts are read: the arguments of calls may be long.
  func messages(_ read: @Sendable () throws -> [ChatMessage]) async throws -> [ChatMessage] {
    try await texts.run {
      try Task.checkCancellation()
      return try read()
    }
  }

  /// The prompt that the model's chat template makes of a conversation.
  ///
  /// - Parameter isAnswered: whether it must fit the model's context.
  func prompt(
    of conversation: Conversation, _ language: LanguageModel, variables: JSONObject = [:],
    addGenerationPrompt: Bool = true, isAnswered: Bool = true, param: String
  ) async throws -> ChatPrompt {
    do {
      guard let template = try language.chatTemplate else {
        throw APIError(
          400, "The model has no chat template: complete a text instead (/v1/completions).", param: "model",
          code: "no_chat_template")
      }
      let tokenizer = try language.tokenizer
      return try await texts.run {
        // Nobody waits for the texts of a client that has gone.
        try Task.checkCancellation()
        return try tokenizer.prompt(
          of: conversation, with: template, addGenerationPrompt: addGenerationPrompt, variables: variables
        ) {
          if isAnswered { try language.check($0, tokenizer, param: param) }
        }
      }
    } catch {
      throw error is CancellationError ? error : APIError.of(error, param: param)
    }
  }

  /// The tokens of texts.
  ///
  /// - Parameter isAnswered: whether each must fit the model's context.
  func tokens(
    of texts: [String], _ language: LanguageModel, addSpecial: Bool = true, parseSpecial: Bool = true,
    isAnswered: Bool = false, param: String
  ) async throws -> [[Int]] {
    do {
      let tokenizer = try language.tokenizer
      return try await self.texts.run {
        try texts.map { text in
          try Task.checkCancellation()
          if isAnswered { try language.check(text, tokenizer, param: param) }
          return try tokenizer.encode(text, addSpecial: addSpecial, parseSpecial: parseSpecial)
        }
      }
    } catch {
      throw error is CancellationError ? error : APIError.of(error, param: param)
    }
  }
}

extension LanguageModel {
  /// Refuses a prompt that is far too long before time is spent on its tokens.
  fileprivate func check(_ text: String, _ tokenizer: Tokenizer, param: String) throws(APIError) {
    let least = tokenizer.leastTokens(of: text)
    guard least <= contextLength else {
      throw .contextExceeded(least, contextLength, isLeast: true, param: param)
    }
  }
}
