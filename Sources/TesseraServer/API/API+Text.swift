import Tessera
import TesseraCL
import TesseraJSON
import TesseraText

/// Renders and tokenizes on a thread of its own: texts may be long, and nobody else waits for them.
actor TextLine {
  private let thread = DeviceThread(name: "tessera server text")
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  func run<T: Sendable>(_ body: @Sendable () throws -> T) throws -> T { try body() }
}

extension API {
  /// The prompt that the model's chat template makes of a conversation.
  func prompt(
    of conversation: Conversation, _ language: LanguageModel, variables: JSONObject = [:],
    addGenerationPrompt: Bool = true, param: String
  ) async throws -> ChatPrompt {
    do {
      guard let template = try language.chatTemplate else {
        throw APIError(
          400, "The model has no chat template: complete a text instead (/v1/completions).", param: "model",
          code: "no_chat_template")
      }
      let tokenizer = try language.tokenizer
      return try await texts.run {
        try tokenizer.prompt(
          of: conversation, with: template, addGenerationPrompt: addGenerationPrompt, variables: variables)
      }
    } catch {
      throw APIError.of(error, param: param)
    }
  }

  /// The tokens of texts.
  func tokens(
    of texts: [String], _ language: LanguageModel, addSpecial: Bool = true, parseSpecial: Bool = true, param: String
  ) async throws -> [[Int]] {
    do {
      let tokenizer = try language.tokenizer
      return try await self.texts.run {
        try texts.map { try tokenizer.encode($0, addSpecial: addSpecial, parseSpecial: parseSpecial) }
      }
    } catch {
      throw APIError.of(error, param: param)
    }
  }
}
