import Foundation
import TesseraMemory
import TesseraText
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Ends of requests", .timeLimit(.minutes(60)))
  struct EngineEndTests {
    private let prompt = SyntheticModel.ids(20)

    @Test("dropping a stream ends its request and frees its blocks")
    func dropped() async throws {
      let language = try await SyntheticModel.llama.loadEndless(context: 1024)
      for taken in [0, 1, 3] {
        var count = 0
        for try await _ in language.generate(tokens: SyntheticModel.ids(500)) where count < taken {
          count += 1
          if count == taken { break }
        }
      }
      try await language.waitForAllBlocks()
      #expect(await language.engine.requestCount() == 0)
    }

    @Test("text that a stop string holds back comes before a control token, which no stop string reaches over")
    func heldBefore() async throws {
      let control = 257
      let language = try await SyntheticModel.llama.loadEndless { writer in
        writer.metadata["tokenizer.ggml.token_type"] = .int32s(
          SyntheticModel.tokens.indices.map { $0 == control ? 3 : $0 < 256 ? 1 : 4 })
      }
      let tokenizer = try language.tokenizer
      let (before, behind) = (
        try tokenizer.encode("ab", addSpecial: false), try tokenizer.encode("c", addSpecial: false)
      )
      var options = GenerationOptions()
      options.firstTokens = before + [control] + behind
      (options.maxTokens, options.stopStrings) = (4, ["abc"])
      var tokens: [GeneratedToken] = []
      for try await event in language.generate(tokens: prompt, options: options) {
        if case .token(let token) = event { tokens.append(token) }
      }
      #expect(tokens.map(\.id) == options.firstTokens && tokens.map(\.text) == ["", "", "ab", "c"])
    }

    @Test("a task that is canceled while it waits gets the end at once")
    func canceledWaiting() async throws {
      let language = try await SyntheticModel.llama.loadEndless()
      await language.engine.pause()
      let handle = try await language.request(prompt)
      let task = Task { try await handle.next() }
      // Nothing runs: only the cancellation can end the wait.
      task.cancel()
      guard case .finished(let result)? = try await task.value else {
        Issue.record("no end")
        return
      }
      #expect(result.finishReason == .cancelled && result.statistics.generatedTokens == 0)
      #expect(try await language.freeBlocks() == language.allBlocks())
      #expect(try await handle.next() == nil)
      await language.engine.resume()
      #expect(try await language.run(prompt).tokens.count == 16)
    }

    @Test("what is canceled with a token unread loses none of its text")
    func canceledUnread() async throws {
      let language = try await SyntheticModel.llama.loadEndless()
      let whole = try await language.run(prompt)
      await language.engine.pause()
      let handle = try await language.request(prompt)
      await language.engine.stepOnce()
      guard case .token(let first)? = try await handle.next() else {
        Issue.record("no token")
        return
      }
      await language.engine.stepOnce()
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await handle.next()
      }
      guard case .finished(let result)? = try await task.value else {
        Issue.record("no end")
        return
      }
      #expect(result.finishReason == .cancelled && result.statistics.generatedTokens == 2)
      let tokens = Array(whole.tokens.prefix(2))
      #expect(try first.text + result.trailingText == language.tokenizer.decode(tokens))
      await language.engine.resume()
    }

    @Test("an error in one request disturbs no other, and after it there is nothing more")
    func errors() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 4)
      let alone = try await language.run(prompt) { $0.maxTokens = 40 }
      async let good = language.run(prompt) { $0.maxTokens = 40 }
      let count = SyntheticModel.vocabularyCount
      let bad: [([Int], (inout GenerationOptions) -> Void)] = [
        ([1, -1], { _ in }), ([count], { _ in }), ([], { _ in }), (SyntheticModel.ids(257), { _ in }),
        ([1], { $0.allowedTokens = [1] }), ([1], { $0.logitBias = [count: 1] }),
        ([1], { $0.logitBias = [1: .infinity] }), ([1], { $0.logitBias = [1: .nan] }),
        ([1], { $0.repeatPenalty = .leastNonzeroMagnitude }),
      ]
      for (prompt, configure) in bad {
        var options = GenerationOptions()
        configure(&options)
        var iterator = language.generate(tokens: prompt, options: options).makeAsyncIterator()
        await #expect(throws: (any Error).self) { _ = try await iterator.next() }
        #expect(try await iterator.next() == nil)
      }
      #expect(try await good.tokens == alone.tokens)
      try await language.waitForAllBlocks()
    }

    @Test("numbers that are not finite end their request alone, and stay behind in no block")
    func notFinite() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 3, context: 128, SyntheticModel.tokenOfNaN)
      let clean = SyntheticModel.ids(70).map { $0 == 5 ? 6 : $0 }
      let alone = try await language.run(clean)
      for _ in 0..<3 {
        async let good = language.run(clean)
        await #expect {
          _ = try await language.run(clean.prefix(40) + [5] + clean)
        } throws: { ($0 as? TesseraError)?.code == .notFinite }
        #expect(try await good.tokens == alone.tokens)
        // Its blocks are others' now.
        #expect(
          try await language.runTogether([clean, clean, clean]) { _, _ in }.map(\.tokens)
            == [alone.tokens, alone.tokens, alone.tokens])
      }
    }

    @Test("blocks of an answer that nobody reads go to those who wait, and it goes on later")
    func unread() async throws {
      let language = try await SyntheticModel.llama.loadEndless(context: 128, patience: .zero)
      let alone = try await language.run(prompt) { $0.maxTokens = 100 }
      let slow = try await language.request(prompt) { $0.maxTokens = 100 }
      var tokens: [Int] = []
      func read(_ count: Int) async throws {
        for _ in 0..<count {
          guard case .token(let token)? = try await slow.next() else { return }
          tokens.append(token.id)
        }
      }
      try await read(60)
      // More than is free while the slow one holds its blocks.
      let other = try await language.run(SyntheticModel.ids(100, seed: 4)) { $0.maxTokens = 20 }
      #expect(other.tokens.count == 20)
      try await read(100)
      #expect(tokens == alone.tokens)
    }

    @Test("whoever waits for blocks goes on when the one who holds them is dropped")
    func abandoned() async throws {
      let language = try await SyntheticModel.llama.loadEndless(context: 128)
      var holder: RequestHandle? = try await language.request(SyntheticModel.ids(100))
      _ = try await holder?.next()
      let waiting = try await language.request(SyntheticModel.ids(90, seed: 2)) { $0.maxTokens = 2 }
      let task = Task { try await waiting.next() }
      while await language.engine.waitingIDs() != [waiting.id] { await Task.yield() }
      holder = nil
      guard case .token? = try await task.value else {
        Issue.record("no token")
        return
      }
    }

    @Test("logits leave their blocks to requests that wait for them")
    func logitsBeside() async throws {
      let language = try await SyntheticModel.llama.loadEndless(context: 128, chunk: 16)
      let alone = try await language.run(prompt)
      let rows = try await language.allLogits(SyntheticModel.ids(120))
      async let logits = language.allLogits(SyntheticModel.ids(120))
      async let run = language.run(prompt)
      #expect(try await run.tokens == alone.tokens)
      #expect(try await logits == rows)
    }

    @Test("what conversations keep goes when others need it, and they answer as before")
    func keptSequences() async throws {
      var load = LoadOptions()
      (load.contextLength, load.chunkSize) = (256, 64)
      let language = try await SyntheticModel.llama.load(load)
      var options = GenerationOptions()
      options.maxTokens = 8
      func fresh(_ messages: [ChatMessage]) async throws -> String {
        let prompt = try language.prompt(of: messages, with: try #require(try language.chatTemplate))
        return try await GenerationRun(language.generate(tokens: prompt, options: options)).text
      }
      var chats: [ChatSession] = (0..<3).map { _ in ChatSession(language, options: options) }
      for turn in 0..<3 {
        for (index, chat) in chats.enumerated() {
          let answer = try await chat.respond(to: "Number \(index)?")
          let messages = await chat.messages
          #expect(try await fresh(Array(messages.dropLast())) == answer, "turn \(turn) of \(index)")
        }
        // All blocks.
        #expect(try await language.run(SyntheticModel.ids(240)) { $0.maxTokens = 2 }.result != nil)
      }
      chats = []
      try await language.waitForAllBlocks()
    }
  }
}
