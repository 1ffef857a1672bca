import Foundation
import TesseraMemory
import TesseraModels
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Requests that wait for blocks", .timeLimit(.minutes(60)))
  struct EngineRoomTests {
    /// A prompt of which the cache has the first half.
    private func conversation(_ language: LanguageModel, _ count: Int, seed: UInt64) async throws -> [Int] {
      let prompt = SyntheticModel.ids(2 * count, seed: seed)
      _ = try await language.run(Array(prompt.prefix(count))) { $0.maxTokens = 1 }
      return prompt
    }

    private func read(_ handle: RequestHandle) async throws -> GenerationRun {
      var run = GenerationRun()
      while let event = try await handle.next() { run.add(event) }
      return run
    }

    @Test("a turn that waits gives what the cache has of it to one that grows, and both end")
    func turnBesideCompletion() async throws {
      let language = try await SyntheticModel.llama.loadEndless()
      let growing = SyntheticModel.ids(100)
      let alone = try await language.run(growing) { $0.maxTokens = 100 }
      let prompt = try await conversation(language, 70, seed: 3)
      await language.engine.pause()
      let first = try await language.request(growing) { $0.maxTokens = 100 }
      let second = try await language.request(prompt) { $0.maxTokens = 16 }
      await language.engine.resume()
      async let runs = (read(first), read(second))
      let (grown, answer) = try await runs
      #expect(grown.tokens == alone.tokens)
      #expect(try await answer.tokens == language.run(prompt).tokens)
    }

    @Test("turns of several conversations at once, each with blocks that the others lack, all end")
    func turnsAtOnce() async throws {
      let language = try await SyntheticModel.llama.loadEndless()
      var chats: [[Int]] = []
      for seed in 1...2 { chats.append(try await conversation(language, 70, seed: UInt64(seed))) }
      await language.engine.pause()
      var handles: [RequestHandle] = []
      for prompt in chats { handles.append(try await language.request(prompt) { $0.maxTokens = 16 }) }
      await language.engine.resume()
      let (a, b) = (handles[0], handles[1])
      async let first = read(a)
      async let second = read(b)
      let runs = try await [first, second]
      for (run, chat) in zip(runs, chats) {
        let fresh = try await language.run(chat)
        #expect(run.tokens == fresh.tokens)
        // What was given up is not told as cached.
        let cached = try #require(run.result).statistics.cachedPromptTokens
        #expect(cached == 0 || cached == 64)
      }
    }

    @Test("a hundred chats all get their answers, with blocks for three of them")
    func hundredChats() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 2, context: 192)
      var options = GenerationOptions()
      options.maxTokens = 6
      let chats = (0..<100).map { _ in ChatSession(language, options: options) }
      for turn in 0..<2 {
        let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
          for (index, chat) in chats.enumerated() {
            group.addTask { (index, try await chat.respond(to: "\(index)?")) }
          }
          return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        #expect(answers.count == 100, "turn \(turn)")
        for index in [0, 50, 99] {
          let messages = await chats[index].messages.dropLast()
          let prompt = try language.prompt(of: Array(messages), with: try #require(try language.chatTemplate))
          #expect(try await GenerationRun(language.generate(tokens: prompt, options: options)).text == answers[index])
        }
      }
    }

    /// The T5 of the fixtures, without an end.
    private func encoderDecoder(sequences: Int) async throws -> LanguageModel {
      var options = LoadOptions()
      (options.sequenceCount, options.contextLength) = (sequences, 256)
      return try await LanguageModel.load(
        from: URL(fileURLWithPath: FamilyFixture.path("families/t5")), options: options)
    }

    private func source(_ count: Int, _ seed: Int) -> [Int] { (0..<count).map { 2 + ($0 * 37 + seed * 11) % 90 } }

    @Test("sources wait until there is room for them, and each gives what it gives alone", arguments: [1, 2, 3])
    func sources(sequences: Int) async throws {
      let language = try await encoderDecoder(sequences: sequences)
      @Sendable func run(_ source: [Int]) async throws -> [Int] {
        var options = GenerationOptions()
        (options.maxTokens, options.logitBias) = (150, [1: -.infinity])
        return try await GenerationRun(language.generate(tokens: [0], source: source, options: options)).tokens
      }
      // The long ones take all of a sequence's blocks, the short ones come to lack those of the answer.
      let sources = [(200, 1), (190, 2), (60, 3), (40, 4), (256, 5)].map { source($0.0, $0.1) }
      var alone: [[Int]] = []
      for source in sources { alone.append(try await run(source)) }
      #expect(Set(alone).count == 5 && alone.allSatisfy { $0.count == 150 })
      let together = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
        for (index, source) in sources.enumerated() { group.addTask { (index, try await run(source)) } }
        return try await group.reduce(into: [Int: [Int]]()) { $0[$1.0] = $1.1 }
      }
      for (index, tokens) in alone.enumerated() { #expect(together[index] == tokens, "source \(index)") }
      try await language.waitForAllBlocks()
    }

    @Test("who leaves an answer and asks again at once is served")
    func askAgain() async throws {
      let language = try await encoderDecoder(sequences: 1)
      for seed in 0..<5 {
        for try await _ in language.generate(tokens: [0], source: source(200, seed)) { break }
      }
      for bad in [source(257, 1), [], [96]] {
        await #expect(throws: ModelError.self) { _ = try await language.request([0], source: bad) }
      }
      await #expect(throws: ModelError.self) { _ = try await language.request([0]) }
      try await language.waitForAllBlocks()
    }

    @Test("an error that one request causes in a step ends that request alone")
    func oneFault() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 3)
      let prompts = (0..<3).map { SyntheticModel.ids(20, seed: UInt64($0)) }
      var alone: [[Int]] = []
      for prompt in prompts { alone.append(try await language.run(prompt).tokens) }
      await language.engine.pause()
      var handles: [RequestHandle] = []
      for prompt in prompts { handles.append(try await language.request(prompt) { $0.maxTokens = 16 }) }
      // A closed sequence is refused by the cache, in the middle of the batch.
      await language.engine.closeSequence(handles[1].id)
      await language.engine.resume()
      #expect(try await read(handles[0]).tokens == alone[0])
      await #expect(throws: MemoryError.self) { _ = try await read(handles[1]) }
      #expect(try await read(handles[2]).tokens == alone[2])
      try await language.waitForAllBlocks()
    }

    @Test("blocks of an answer that nobody reads go to those who lack them, though another is read on and on")
    func unreadBesideRead() async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 2, patience: .milliseconds(20))
      let engine = language.engine
      let (prompt, waiting) = (SyntheticModel.ids(240), SyntheticModel.ids(190, seed: 2))
      let alone = try await language.run(prompt) { $0.maxTokens = 12 }
      await engine.pause()
      let stalled = try await language.request(prompt) { $0.maxTokens = 12 }
      await engine.stepOnce()
      let streaming = try await language.request(SyntheticModel.ids(20, seed: 1)) { $0.maxTokens = 220 }
      let third = try await language.request(waiting) { $0.maxTokens = 1 }
      var count = 0
      while count < 150, await engine.generatedCount(third.id) == 0 {
        await engine.stepOnce()
        if await engine.generatedCount(streaming.id) > count {
          _ = try await streaming.next()
          count += 1
        }
        try await Task.sleep(for: .milliseconds(2))
      }
      #expect(count < 150)
      #expect(await engine.isParked(stalled.id))
      await engine.resume()
      #expect(try await read(third).tokens.count == 1)
      #expect(try await read(streaming).tokens.count == 220 - count)
      #expect(try await read(stalled).tokens == alone.tokens)
      try await language.waitForAllBlocks()
    }
  }
}
