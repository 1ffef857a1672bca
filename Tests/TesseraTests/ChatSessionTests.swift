import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Chat sessions", .enabled(if: TestModel.smolLM2 != nil, "TESSERA_TEST_SMOLLM2 is not set"))
  struct ChatSessionTests {
    private var options: GenerationOptions {
      var options = GenerationOptions()
      options.maxTokens = 24
      return options
    }

    @Test("a second turn computes only what is new, and answers as if all had been computed")
    func reuse() async throws {
      let model = try await #require(TestModel.smolLM2).load()
      let chat = ChatSession(model, instructions: "You are terse.", options: options)
      // The beginning that is shared is counted in blocks of 64 tokens.
      let facts = Array(repeating: "Things fall to the ground.", count: 40).joined(separator: " ")
      _ = try await chat.respond(to: "\(facts) What is gravity?")
      let answer = try await chat.respond(to: "And why is it weak?")
      let statistics = try #require(await chat.lastResult).statistics
      #expect(statistics.cachedPromptTokens >= 128)
      #expect(statistics.promptTokens - statistics.cachedPromptTokens < statistics.promptTokens / 2)

      let template = try #require(try model.chatTemplate)
      let history = Array(await chat.messages.dropLast())
      var text = ""
      for try await event in model.generate(tokens: try model.prompt(of: history, with: template), options: options) {
        switch event {
        case .token(let token): text += token.text
        case .finished(let result): text += result.trailingText
        }
      }
      #expect(answer == text)
    }

    @Test("leaving an answer keeps what came of it, and the next turn goes on")
    func leaving() async throws {
      let model = try await #require(TestModel.smolLM2).load()
      let chat = ChatSession(model, options: options)
      var begun = ""
      for try await piece in chat.streamResponse(to: "Tell me a story.") {
        begun += piece
        if begun.count > 10 { break }
      }
      _ = try await chat.respond(to: "Go on.")
      let messages = await chat.messages
      #expect(messages.map(\.role) == ["user", "assistant", "user", "assistant"])
      #expect(messages[1].content.stringValue == begun)
      await chat.reset()
      #expect(await chat.messages.isEmpty)
    }
  }
}
