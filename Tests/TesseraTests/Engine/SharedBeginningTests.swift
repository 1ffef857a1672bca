import Foundation
import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Work beside requests shares prefixes", .timeLimit(.minutes(60)))
  struct SharedBeginningTests {
    private static let prompt = SyntheticModel.ids(300)
    private static let continuation = SyntheticModel.ids(20, seed: 4)

    private func load(
      _ model: SyntheticModel, _ configure: (inout LoadOptions) -> Void = { _ in }
    ) async throws -> LanguageModel {
      let language = try await model.loadEndless(sequences: 3, context: 384, chunk: 64, configure: configure)
      await language.engine.loadAlways()
      return language
    }

    /// A score's bits, and the steps that it took.
    private func score(
      _ language: LanguageModel, _ prompt: [Int] = prompt, salt: String? = nil
    ) async throws -> (bits: [UInt64], steps: Int) {
      let before = try await language.engine.withRunner { $0.lastResult }
      let score = try await language.score(tokens: prompt, continuation: Self.continuation, cacheSalt: salt)
      let steps = try await language.engine.withRunner { $0.lastResult } - before
      return (score.logProbabilities.map(\.bitPattern), steps)
    }

    private func beams(
      _ language: LanguageModel, _ prompt: [Int] = prompt, salt: String? = nil
    ) async throws -> (bits: [UInt64], cached: Int) {
      var options = BeamSearchOptions()
      (options.width, options.maxTokens, options.endTokens, options.cacheSalt) = (3, 8, [], salt)
      options.resultCount = 3
      let result = try await language.beamSearch(tokens: prompt, options: options)
      let bits = result.answers.flatMap { $0.tokens.map { UInt64($0) } + [$0.score.bitPattern] }
      return (bits, result.statistics.cachedPromptTokens)
    }

    private func cached(_ language: LanguageModel, _ prompt: [Int] = prompt, salt: String? = nil) async throws -> Int? {
      try await language.run(prompt) { ($0.maxTokens, $0.cacheSalt) = (1, salt) }
        .result?.statistics.cachedPromptTokens
    }

    @Test("scores and searches begin with what requests have computed, to the bit", arguments: SyntheticModel.all)
    func taking(model: SyntheticModel) async throws {
      let cold = try await load(model) { $0.prefixCache = false }
      let warm = try await load(model)
      #expect(try await cached(warm) == 0)
      let (scored, found) = (try await score(cold), try await beams(cold))
      // Of 319 rows all, or those behind four blocks.
      #expect(scored.steps >= 5 && found.cached == 0)
      let (warmScore, warmBeams) = (try await score(warm), try await beams(warm))
      #expect(warmScore.bits == scored.bits && warmScore.steps < scored.steps - 2)
      #expect(warmBeams.bits == found.bits && warmBeams.cached == 256)
      // Rows that are wanted are computed: those of a continuation that begins in the midst of what is there.
      let early = Array(Self.prompt.prefix(70))
      #expect(try await score(warm, early).bits == score(cold, early).bits)
      try await warm.waitForAllBlocks()
    }

    @Test(
      "what scores, searches and logits compute is there for requests, and for each other",
      arguments: SyntheticModel.all)
    func giving(model: SyntheticModel) async throws {
      let cold = try await load(model) { $0.prefixCache = false }
      let (scored, found) = (try await score(cold), try await beams(cold))
      for way in 0..<3 {
        let language = try await load(model)
        switch way {
        case 0: #expect(try await score(language).bits == scored.bits)
        case 1: #expect(try await beams(language).bits == found.bits)
        default:
          let rows = try await language.allLogits(Self.prompt)
          #expect(rows.count == Self.prompt.count * SyntheticModel.vocabularyCount)
          // All rows are wanted: all are computed again.
          #expect(try await language.allLogits(Self.prompt) == rows)
        }
        #expect(try await cached(language) == 256, "way \(way)")
        #expect(try await beams(language) == (found.bits, 256))
        #expect(try await score(language).bits == scored.bits)
        try await language.waitForAllBlocks()
      }
    }

    @Test("who has another salt shares nothing")
    func salts() async throws {
      let language = try await load(.llama)
      let plain = try await score(language)
      let salted = try await score(language, salt: "a")
      #expect(salted == plain && salted.steps >= 5)
      #expect(try await score(language, salt: "a").steps < salted.steps)
      #expect(try await beams(language, salt: "b").cached == 0)
      #expect(try await beams(language, salt: "a").cached == 256)
      try await language.logits(tokens: SyntheticModel.ids(100, seed: 9), cacheSalt: "c") { _ in }
      #expect(try await cached(language, SyntheticModel.ids(100, seed: 9)) == 0)
      #expect(try await cached(language, SyntheticModel.ids(100, seed: 9), salt: "c") == 64)
    }

    @Test("what the device has let go comes from host memory, and goes there", arguments: SyntheticModel.all)
    func stores(model: SyntheticModel) async throws {
      let cold = try await load(model) { $0.prefixCache = false }
      let (scored, found) = (try await score(cold), try await beams(cold))
      let language = try await load(model) { $0.hostCacheBytes = 64 << 20 }
      for way in 0..<2 {
        let salt = "\(way)"
        // One stores them, the other takes them.
        if way == 0 {
          #expect(try await score(language, salt: salt).bits == scored.bits)
        } else {
          #expect(try await beams(language, salt: salt).bits == found.bits)
        }
        for seed in 1...5 as ClosedRange<UInt64> { _ = try await language.run(SyntheticModel.ids(360, seed: seed)) }
        let hits = try #require(await language.engineStatistics().hostCache).hits
        if way == 0 {
          #expect(try await beams(language, salt: salt) == (found.bits, 256))
        } else {
          let score = try await score(language, salt: salt)
          #expect(score.bits == scored.bits && score.steps < scored.steps - 2)
        }
        let least = model.architecture == .llama ? 4 : 1
        #expect(try #require(await language.engineStatistics().hostCache).hits >= hits + least)
      }
      try await language.waitForAllBlocks()
    }

    @Test("where numbers are not finite, nobody shares what was computed")
    func notFinite() async throws {
      let language = try await SyntheticModel.llama.loadEndless(
        SyntheticModel.tokenOfNaN, configure: { $0.hostCacheBytes = 64 << 20 })
      let prompt = [5] + SyntheticModel.ids(150)
      func isNotFinite(_ error: any Error) -> Bool { (error as? TesseraError)?.code == .notFinite }
      await #expect { _ = try await score(language, prompt) } throws: { isNotFinite($0) }
      await #expect { _ = try await beams(language, prompt) } throws: { isNotFinite($0) }
      #expect(try await language.allLogits(prompt).contains { $0.isNaN })
      let statistics = await language.engineStatistics()
      #expect(statistics.hostCache?.entries == 0 && statistics.blocks.map(\.named) == [0])
    }

    @Test("what is stored before a number was seen goes again where the first one is not finite", arguments: 0..<3)
    func lateFault(way: Int) async throws {
      let language = try await SyntheticModel.llama.loadEndless(
        context: 384, chunk: 64,
        SyntheticModel.tokenOfNaN, configure: { $0.hostCacheBytes = 64 << 20 })
      await language.engine.loadAlways()
      func isNotFinite(_ error: any Error) -> Bool { (error as? TesseraError)?.code == .notFinite }
      func work(_ tokens: [Int]) async throws {
        switch way {
        case 0: _ = try await score(language, tokens)
        case 1: _ = try await beams(language, tokens)
        default:
          if try await language.allLogits(tokens).contains(where: \.isNaN) { throw TesseraError.notFinite }
        }
      }
      func entries() async -> Int? { await language.engineStatistics().hostCache?.entries }
      func stored(_ prompt: [Int]) async throws -> Int {
        await language.engine.inHost(try await language.engine.names(of: prompt))
      }
      // Three chunks of which nobody wants a row, then one with the fault.
      let clean = SyntheticModel.ids(200).map { $0 == 5 ? 6 : $0 }
      await #expect { try await work(clean + [5]) } throws: { isNotFinite($0) }
      // All rows of logits are wanted: the first chunks' are seen to be finite.
      #expect(await entries() == (way == 2 ? 3 : 0))
      // What was seen to be right stays.
      try await work(clean)
      #expect(try await stored(clean) == 3)
      await #expect { try await work(clean + [5]) } throws: { isNotFinite($0) }
      #expect(try await stored(clean) == 3)
      // What comes from a store and is wrong goes with the first who fails by it.
      guard way < 2 else { return }
      let other = SyntheticModel.ids(200, seed: 8).map { $0 == 5 ? 6 : $0 }
      let names = try await language.engine.names(of: other)
      let size = try await language.engine.withRunner { $0.cache.layout.storedBlockBytes }
      let bad = [UInt8](repeating: 0xff, count: size)
      for (index, name) in names.enumerated() {
        await language.engine.store(name, parent: index > 0 ? names[index - 1] : nil, bad)
      }
      await #expect { try await work(other) } throws: { isNotFinite($0) }
      #expect(try await stored(other) == 0)
      try await work(other)
      try await language.waitForAllBlocks()
    }
  }
}
