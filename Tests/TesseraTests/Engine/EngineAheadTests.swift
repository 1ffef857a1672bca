import TesseraMemory
import TesseraOperators
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  /// In the simt style a CPU's steps are launched, too.
  @Suite("Steps ahead of what the host knows", .timeLimit(.minutes(60)))
  struct EngineAheadTests {
    private let prompts = (0..<4).map { SyntheticModel.ids(5 + 9 * $0, seed: UInt64($0)) }

    /// Greedy and seeded answers of different lengths, one of which is drawn with penalties.
    private func configure(_ index: Int, _ options: inout GenerationOptions) {
      options.maxTokens = [1, 2, 23, 40][index]
      if index > 0 { (options.temperature, options.topP, options.seed) = (1.2, 0.9, 7) }
    }

    @Test("answers have the tokens, texts and counts that they have where the host knows each token first")
    func sameAnswers() async throws {
      let known = try await SyntheticModel.llama.loadEndless(sequences: 4, style: .vector)
      let ahead = try await SyntheticModel.llama.loadEndless(sequences: 4, style: .simt)
      for index in prompts.indices {
        let (a, b) = (
          try await known.run(prompts[index]) { configure(index, &$0) },
          try await ahead.run(prompts[index]) { configure(index, &$0) }
        )
        #expect(a.tokens == b.tokens && a.text == b.text && a.result?.finishReason == b.result?.finishReason)
        #expect(a.result?.statistics.generatedTokens == b.result?.statistics.generatedTokens)
      }
      let alone = try await known.runTogether(prompts, configure)
      let together = try await ahead.runTogether(prompts, configure)
      #expect(together.map(\.tokens) == alone.map(\.tokens) && together.map(\.text) == alone.map(\.text))
      try await ahead.waitForAllBlocks()
      #expect(await ahead.engine.flightIDs() == nil)
    }

    @Test("an end that is found a step late leaves nothing of the step, whatever ends the answer")
    func lateEnds() async throws {
      let language = try await SyntheticModel.llama.loadEndless(style: .simt)
      let whole = try await language.run(prompts[1]) { $0.maxTokens = 30 }
      // Texts of tokens, of which one ends the answer.
      let end = try language.tokenizer.decode([whole.tokens[11]])
      let stopped = try await language.run(prompts[1]) { ($0.maxTokens, $0.stopStrings) = (30, [end]) }
      let first = try #require(whole.text.range(of: end))
      #expect(stopped.text == whole.text[..<first.lowerBound] && stopped.result?.finishReason == .stop)
      #expect(stopped.result?.statistics.generatedTokens == stopped.tokens.count)
      // The context ends, too.
      let full = try await language.run(prompts[1]) { $0.maxTokens = 1000 }
      #expect(full.result?.finishReason == .length && full.tokens.count == 256 - prompts[1].count + 1)
      #expect(full.tokens.prefix(30) == whole.tokens[...])
      try await language.waitForAllBlocks()
    }

    @Test("a step is on its way exactly while the host need not know its tokens")
    func flights() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 2, style: .simt)
      let engine = language.engine
      await engine.pause()
      func state(_ handle: RequestHandle) async -> String {
        let isAhead = await engine.flightIDs() != nil
        return await "\(engine.generatedCount(handle.id))\(isAhead ? " ahead" : "")"
      }
      let handle = try await language.request(prompts[0]) { $0.maxTokens = 5 }
      await engine.stepOnce()
      // Nobody has taken the first token, but the step behind it began before it was known.
      #expect(await state(handle) == "1 ahead")
      await engine.stepOnce()
      #expect(await state(handle) == "2")
      // Two are unread: nothing more is computed.
      #expect(await engine.stepOnce() == false)
      for _ in 0..<2 { _ = try await handle.next() }
      await engine.stepOnce()
      #expect(await state(handle) == "3 ahead")
      _ = try await handle.next()
      // The fifth token is the last: there is nothing behind it.
      await engine.stepOnce()
      #expect(await state(handle) == "4 ahead")
      _ = try await handle.next()
      await engine.stepOnce()
      #expect(await state(handle) == "5")

      // How the second is chosen depends on the first: that is found while the step runs.
      let careful = try await language.request(prompts[0]) { $0.repeatPenalty = 1.2 }
      await engine.stepOnce()
      #expect(await state(careful) == "1 ahead")
    }

    @Test("who cancels, or is dropped, or comes while a step is on its way disturbs nobody")
    func disturbances() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 3, style: .simt)
      let engine = language.engine
      let alone = try await language.run(prompts[2]) { $0.maxTokens = 12 }
      await engine.pause()
      let kept = try await language.request(prompts[2]) { $0.maxTokens = 12 }
      var dropped: RequestHandle? = try await language.request(prompts[3])
      let cancelled = try await language.request(prompts[1])
      await engine.stepOnce()
      #expect(await engine.flightIDs()?.count == 3)
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await cancelled.next()
      }
      guard case .finished(let result)? = try await task.value else { throw TesseraError(.badOption, "no end") }
      #expect(result.finishReason == .cancelled && result.statistics.generatedTokens == 1)
      dropped = nil
      // That it is dropped reaches the engine a while later.
      while await engine.flightIDs() != [kept.id] { await Task.yield() }
      #expect(dropped == nil)
      // Hidden states of another sequence run between two steps.
      _ = try await language.hidden(tokens: prompts[0])
      let late = try await language.request(prompts[1]) { $0.maxTokens = 3 }
      await engine.resume()
      var tokens: [Int] = []
      while case .token(let token)? = try await kept.next() { tokens.append(token.id) }
      #expect(tokens == alone.tokens)
      while case .token? = try await late.next() {}
      _ = try await cancelled.next()
      try await language.waitForAllBlocks()
    }

    @Test("a step without choices fails its requests: none waits for ever")
    func noChoices() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 3, style: .simt)
      await language.engine.pause()
      let handles = [try await language.request(prompts[2]), try await language.request(prompts[3])]
      try await language.engine.landNothing(handles.map(\.id))
      for handle in handles { await #expect(throws: OperatorError.self) { _ = try await handle.next() } }
      try await language.waitForAllBlocks()
    }

    @Test("a conversation goes on as it would where the host knows each token first")
    func conversations() async throws {
      func answers(_ style: KernelStyle) async throws -> [String] {
        var load = LoadOptions()
        (load.contextLength, load.style) = (256, style)
        let language = try await SyntheticModel.llama.load(load)
        var options = GenerationOptions()
        options.maxTokens = 12
        let chat = ChatSession(language, options: options)
        var answers: [String] = []
        for turn in 0..<3 {
          answers.append(try await chat.respond(to: "Number \(turn)?"))
          let statistics = try #require(await chat.lastResult?.statistics)
          answers.append(
            "\(statistics.cachedPromptTokens) of \(statistics.promptTokens), \(statistics.generatedTokens)")
        }
        return answers
      }
      #expect(try await answers(.simt) == answers(.vector))
    }
  }
}
