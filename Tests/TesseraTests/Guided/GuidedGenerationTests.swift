import Foundation
import TesseraReference
import TesseraText
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Values of types from a model", .timeLimit(.minutes(60)))
  struct GuidedGenerationTests {
    private static func load(context: Int = 1024) async throws -> LanguageModel {
      var options = LoadOptions()
      (options.sequenceCount, options.contextLength, options.chunkSize) = (4, context, 64)
      return try await SyntheticModel.llama.load(options)
    }

    private static func options(_ seed: UInt64? = nil, _ maxTokens: Int? = nil) -> GenerationOptions {
      var options = GenerationOptions()
      options.maxTokens = maxTokens
      guard let seed else { return options }
      (options.seed, options.temperature, options.topK, options.topP, options.minP) = (seed, 1, 0, 1, 0)
      return options
    }

    /// Short, so that random tokens come to an end.
    struct Card: Decodable, Sendable, Equatable {
      let mood: Mood
      let grade: Grade
      let isNew: Bool
      let at: Date
      let id: UUID
      let level: UInt8
    }

    @Test("whatever the model's weights are, its answer is a value, alone and as a stream")
    func values() async throws {
      let model = try await Self.load()
      for seed in 0..<6 {
        let options = Self.options(UInt64(seed))
        let card = try await model.generate(Card.self, from: "A card:", options: options)
        var (text, last) = ("", Card?.none)
        for try await event in try model.stream(Card.self, from: "A card:", options: options) {
          switch event {
          case .token(let token): text += token.text
          case .finished(let value, let result):
            #expect(result.finishReason == .stop && result.statistics.generatedTokens > 0)
            last = value
          }
        }
        #expect(last == card && text.hasPrefix("{\"mood\":"))
      }
      #expect(Mood.allCases.contains(try await model.generate(Mood.self, from: "How?")))
    }

    @Test("an answer that is cut off is an error with its text and the numbers")
    func cutOff() async throws {
      let model = try await Self.load(context: 64)
      await #expect {
        _ = try await model.generate(Card.self, from: "A card:", options: Self.options(nil, 5))
      } throws: {
        guard let error = $0 as? GuidedError else { return false }
        return error.code == .cutOff && error.text == "{\"moo" && error.message.contains("after 5 tokens")
          && error.message.contains("maxTokens is 5") && error.result?.statistics.generatedTokens == 5
      }
      await #expect {
        _ = try await model.generate(Scalars.self, from: "Many:", options: Self.options())
      } throws: {
        let error = $0 as? GuidedError
        return error?.code == .cutOff && error?.message.contains("the context 64") == true
      }
      await #expect {
        var options = Self.options()
        options.stopStrings = ["gra"]
        _ = try await model.generate(Card.self, from: "A card:", options: options)
      } throws: { ($0 as? GuidedError)?.code == .cutOff && "\($0)".contains("a stop string") }
    }

    @Test("a constraint beside the type's is refused")
    func twoConstraints() async throws {
      let model = try await Self.load()
      var options = Self.options()
      options.constraint = try .json()
      #expect { _ = try model.stream(Card.self, from: "?", options: options) } throws: {
        ($0 as? TesseraError)?.code == .badOption
      }
      let chat = ChatSession(model, options: options)
      await #expect { _ = try await chat.respond(to: "?", as: Card.self) } throws: {
        ($0 as? TesseraError)?.code == .badOption
      }
      #expect(await chat.messages.isEmpty)
    }

    @Test("a chat's answer is a value, its text the turn's, and the next turn is free")
    func chat() async throws {
      let model = try await Self.load()
      let chat = ChatSession(model, instructions: "Be brief.", options: Self.options(nil, 300))
      let card = try await chat.respond(to: "A card?", as: Card.self)
      let messages = await chat.messages
      #expect(messages.map(\.role) == ["system", "user", "assistant"])
      let text = try #require(messages[2].content.stringValue)
      #expect(try GuidedSchema(Card.self).value(from: text) == card)
      #expect(await chat.lastResult?.finishReason == .stop)
      #expect(try await !chat.respond(to: "And?").hasPrefix("{\"mood"))
      #expect(await chat.messages.count == 5)
    }

    @Test("a turn that is canceled, or gives way to another one, has no value")
    func cancelled() async throws {
      let model = try await Self.load()
      let chat = ChatSession(model, options: Self.options())
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await chat.respond(to: "?", as: Card.self)
      }
      await #expect(throws: CancellationError.self) { _ = try await task.value }
      let begun = Task { try await chat.respond(to: "1", as: Scalars.self) }
      while await chat.messages.last?.content.stringValue != "1" { await Task.yield() }
      await chat.reset()
      await #expect(throws: CancellationError.self) { _ = try await begun.value }
    }

    struct City: Decodable, Sendable {
      let name: String
      let country: String
      let population: Int
    }

    @Test("a real model's values make sense", .enabled(if: TestModel.smolLM2 != nil, "TESSERA_TEST_SMOLLM2 is not set"))
    func realModel() async throws {
      let model = try await #require(TestModel.smolLM2).load()
      let chat = ChatSession(model, options: Self.options(nil, 100))
      let city = try await chat.respond(to: "What is the capital of France? Answer in JSON.", as: City.self)
      #expect(city.name == "Paris", "\(city)")
    }

    // MARK: Any text of a schema

    /// What random tokens make of a grammar; from some length on what closes is taken.
    private func walk(
      _ masks: GrammarMasks, _ random: inout SeededGenerator
    ) throws -> String? {
      var (progress, output) = (masks.begin(), [UInt8]())
      for step in 0..<3_000 {
        if progress.isFinished || progress.isComplete && Int.random(in: 0..<4, using: &random) == 0 {
          return String(decoding: output, as: UTF8.self)
        }
        let mask = try progress.mask()
        // Tokens of this model are the bytes.
        let bytes = (UInt8.min...UInt8.max).filter { mask[Int($0) >> 5] >> UInt32($0 & 31) & 1 == 1 }
        let closing = bytes.filter { "\"]},:0".utf8.contains($0) }
        let choices = step % 97 > 20 && !closing.isEmpty ? closing : bytes
        guard let byte = choices.randomElement(using: &random) else { return nil }
        try progress.append(Int(byte))
        output.append(byte)
      }
      return nil
    }

    private func checkWalks<T: Decodable>(_ type: T.Type, _ trie: TokenTrie) throws {
      let schema = try GuidedSchema(type)
      let masks = try GrammarMasks(schema.constraint.grammar, trie)
      var (random, ended) = (SeededGenerator(seed: 11), 0)
      for _ in 0..<60 {
        guard let text = try walk(masks, &random) else { continue }
        ended += 1
        #expect(throws: Never.self, "\(text)") { try schema.value(from: text) }
      }
      #expect(ended > 10, "\(type)")
    }

    @Test("the type decodes any text of its schema")
    func soundness() async throws {
      let model = try await Self.load()
      let tokenizer = try model.tokenizer
      let trie = try TokenTrie(
        tokenizer, vocabularySize: tokenizer.vocabularyCount, endTokens: tokenizer.endOfGenerationTokens)
      func check<each T: Decodable>(_ types: repeat (each T).Type) throws {
        repeat try checkWalks(each types, trie)
      }
      try check(Recipe.self, Scalars.self, Renamed.self, Collections.self, Tree.self, Link.self, Dog.self, Cat.self)
      try check(Nested.self, Pair<Celsius, Celsius?>.self, Expression.self, Shape.self, Drawing.self)
      try check(Double.self, Float.self, Float16.self, Decimal.self, Date.self, URL.self, Data.self, UInt64.self)
      try check([Int8].self, [Mood?].self, [String: UUID].self, Int128.self, UInt128.self, [Int64].self, [Float].self)
    }
  }
}
