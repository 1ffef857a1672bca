import Foundation
import Synchronization
import TesseraMemory
import Testing

@testable import Tessera
@testable import TesseraModels

/// What transformers finds by beam search in float64 (`beams.json` in some folders of `Fixtures/families`).
private struct BeamReference: Decodable {
  struct Answer: Decodable {
    let tokens: [Int]
    let isEnded: Bool
    let score: Double
  }

  struct Case: Decodable {
    let prompt: [Int]
    let source: [Int]?
    let width: Int
    let lengthPenalty: Double
    let stopping: String
    let noRepeatNgram: Int?
    let minTokens: Int?
    let firstTokens: [Int]?
    let maxTokens: Int
    let endTokens: [Int]
    let answers: [Answer]

    func options() throws -> BeamSearchOptions {
      var options = BeamSearchOptions()
      (options.width, options.resultCount, options.maxTokens) = (width, width, maxTokens)
      (options.lengthPenalty, options.firstTokens) = (lengthPenalty, firstTokens ?? [])
      options.stopping = try #require(BeamSearchOptions.Stopping(rawValue: stopping))
      (options.noRepeatNGram, options.minTokens) = (noRepeatNgram ?? 0, minTokens ?? 0)
      options.endTokens = Set(endTokens)
      return options
    }
  }

  /// A greedy answer of at most `maxTokens`, whose last token is forced to be the end.
  struct Limited: Decodable {
    let source: [Int]
    let prompt: [Int]
    let maxTokens: Int
    let end: Int
    let tokens: [Int]
  }

  let cases: [Case]
  let limited: [Limited]?

  init(_ folder: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let path = try FamilyFixture.path("families/\(folder)/beams.json")
    self = try decoder.decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

extension FamilySuites {
  @Suite("Beam search")
  struct BeamTests {
    private func load(_ folder: String, sequences: Int) async throws -> LanguageModel {
      var options = LoadOptions()
      (options.contextLength, options.sequenceCount) = (64, sequences)
      return try await LanguageModel.load(
        from: URL(fileURLWithPath: FamilyFixture.path("families/\(folder)")), options: options)
    }

    @Test(
      "answers are those of transformers, token for token",
      arguments: ["t5", "bart", "marian", "m2m100", "qwen2-tied"])
    func transformers(folder: String) async throws {
      let model = try await load(folder, sequences: 4)
      let cases = try BeamReference(folder).cases
      #expect(Set(cases.map(\.width)).count > 1)
      for search in cases {
        let found = try await model.beamSearch(
          tokens: search.prompt, source: search.source, options: search.options())
        let (answers, statistics) = (found.answers, found.statistics)
        #expect(statistics.promptTokens == search.prompt.count && statistics.promptSeconds > 0)
        let lengths = answers.map { $0.tokens.count + ($0.finishReason == .stop ? 1 : 0) }
        #expect(statistics.generatedTokens >= lengths.max() ?? .max && statistics.generatedTokens <= search.maxTokens)
        #expect(answers.map(\.tokens) == search.answers.map(\.tokens), "\(search.width) beams, \(search.stopping)")
        #expect(answers.map { $0.finishReason == .stop } == search.answers.map(\.isEnded))
        for (answer, expected) in zip(answers, search.answers) { #expect(abs(answer.score - expected.score) < 1e-4) }
        let runner = try await model.engine.freeBlocks()
        #expect(runner.free == runner.all, "blocks that nobody gives back")
      }
    }

    @Test("beams share their source: its keys and values are there once")
    func oneSource() async throws {
      let model = try await load("bart", sequences: 8)
      let before = try await model.engine.freeBlocks()
      var options = BeamSearchOptions()
      (options.width, options.maxTokens, options.endTokens) = (8, 24, [])
      let search = options
      let alone = try await model.engine.blocksTaken {
        try await model.beamSearch(tokens: [2], source: [5, 6, 7], options: search)
      }
      // Of the groups that are kept: the target's, then the source's.
      #expect(before.all[1] == 8 && alone[1] == 1, "\(alone)")
      #expect(alone[0] > 1)
    }

    @Test("one beam is greedy, and first tokens are taken whatever the model thinks")
    func greedy() async throws {
      let model = try await load("bart", sequences: 2)
      let pair = try #require(FamilyFixture(folder: "bart", isGGUF: false).reference().pairs)[1]
      var options = BeamSearchOptions()
      // Behind the last token that may come the folder forces an end.
      (options.width, options.maxTokens, options.endTokens) = (1, pair.generated.count + 1, [2])
      let found = try await model.beamSearch(tokens: [2], source: pair.source, options: options)
      #expect(found.answers.map(\.tokens) == [pair.generated] && found.answers[0].finishReason == .length)
      var sampling = GenerationOptions()
      (sampling.maxTokens, sampling.firstTokens) = (6, [17, 18])
      var tokens: [Int] = []
      for try await event in model.generate(tokens: [2], source: pair.source, options: sampling) {
        if case .token(let token) = event { tokens.append(token.id) }
      }
      (options.firstTokens, options.maxTokens) = ([17, 18], 6)
      #expect(tokens.prefix(2) == [17, 18] && tokens.count > 2)
      let forced = try await model.beamSearch(tokens: [2], source: pair.source, options: options)
      #expect(forced.answers[0].tokens.starts(with: tokens))
    }

    @Test("the last token that may come is the end, where the files force it", arguments: ["bart", "mbart", "marian"])
    func lastToken(folder: String) async throws {
      let model = try await load(folder, sequences: 2)
      let cases = try #require(BeamReference(folder).limited)
      #expect(Set(cases.map(\.tokens.count)).count == 3)
      func answer(_ limited: BeamReference.Limited, temperature: Float) async throws -> (tokens: [Int], FinishReason?) {
        var options = GenerationOptions()
        (options.maxTokens, options.temperature, options.seed) = (limited.maxTokens, temperature, 1)
        // No other token ends it.
        options.logitBias = [limited.end: -.infinity]
        var tokens: [Int] = []
        for try await event in model.generate(tokens: limited.prompt, source: limited.source, options: options) {
          switch event {
          case .token(let token): tokens.append(token.id)
          case .finished(let result): return (tokens, result.finishReason)
          }
        }
        return (tokens, nil)
      }
      for limited in cases {
        let greedy = try await answer(limited, temperature: 0)
        #expect(greedy == (limited.tokens, .length), "\(greedy)")
        let drawn = try await answer(limited, temperature: 2)
        #expect(drawn.tokens.count == limited.tokens.count && drawn.1 == .length)
      }
    }

    @Test("a file's rules: a first token, tokens that never come")
    func rules() async throws {
      let source = try ModelSource(path: FamilyFixture.path("families/marian"))
      #expect(try source.tokenRules(takesSource: true) == TokenRules(ends: [0], first: [], last: 0, banned: [95]))
      let mbart = try ModelSource(path: FamilyFixture.path("families/mbart")).tokenRules(takesSource: true)
      #expect(mbart.first == [93] && mbart.last == 2)
      func forced(_ first: [Int]?, behind prompt: [Int], limit: Int) throws -> ForcedTokens {
        try mbart.forced(first, behind: prompt, limit: limit, vocabularySize: 96)
      }
      #expect(try forced(nil, behind: [2], limit: 9) == ForcedTokens(tokens: [0: 93, 8: 2], endIndex: 8))
      #expect(try forced(nil, behind: [2], limit: 1) == ForcedTokens(tokens: [0: 2], endIndex: 0))
      #expect(try forced(nil, behind: [2, 5], limit: 3) == ForcedTokens(tokens: [2: 2], endIndex: 2))
      #expect(try forced([4], behind: [2], limit: 0) == ForcedTokens(tokens: [0: 4]))
      #expect(throws: TesseraError.self) {
        try TokenRules(last: 96).forced(nil, behind: [2], limit: 3, vocabularySize: 96)
      }
      #expect(TokenRules(banned: [33]).mask(tokenCount: nil, vocabularySize: 40) == [.max, 0xFD])
    }

    @Test("a search that is canceled gives its blocks back")
    func canceled() async throws {
      let model = try await load("bart", sequences: 2)
      var options = BeamSearchOptions()
      (options.width, options.endTokens) = (2, [])
      let search = options
      let task = Task {
        // Canceled before it begins.
        while !Task.isCancelled { await Task.yield() }
        return try await model.beamSearch(tokens: [2], source: [5, 6], options: search)
      }
      task.cancel()
      await #expect(throws: CancellationError.self) { _ = try await task.value }
      let blocks = try await model.engine.freeBlocks()
      #expect(blocks.free == blocks.all)
    }

    @Test("options out of range, and what does not fit, are errors")
    func errors() async throws {
      let model = try await load("bart", sequences: 2)
      func fails(_ word: String, source: [Int]? = [5], _ change: (inout BeamSearchOptions) -> Void) async {
        var options = BeamSearchOptions()
        change(&options)
        do {
          _ = try await model.beamSearch(tokens: [2], source: source, options: options)
          Issue.record("no error with \(word)")
        } catch {
          #expect("\(error)".contains(word), "\(error)")
        }
      }
      await fails("beams") { $0.width = 0 }
      await fails("answers") { $0.resultCount = 5 }
      await fails("penalty") { $0.lengthPenalty = .nan }
      await fails("first token") { $0.firstTokens = [96] }
      await fails("tokens") { $0.maxTokens = 0 }
      await fails("context") { $0.width = 65 }
      await fails("source", source: nil) { _ in }
      await fails("block") { ($0.width, $0.endTokens) = (8, []) }
      let blocks = try await model.engine.freeBlocks()
      #expect(blocks.free == blocks.all)
    }
  }
}

private final class DoneFlag: Sendable {
  private let state = Mutex(false)
  var isSet: Bool { state.withLock { $0 } }
  func set() { state.withLock { $0 = true } }
}

extension Engine {
  /// Blocks of each group of the cache.
  fileprivate func freeBlocks() throws -> (free: [Int], all: [Int]) {
    let cache = try model().runner.cache
    return (cache.layout.groups.indices.map { cache.freeBlockCount(group: $0) }, cache.blockCounts)
  }

  /// The most blocks of each group that work has at once, as seen between its steps.
  fileprivate func blocksTaken<T: Sendable>(_ work: @escaping @Sendable () async throws -> T) async throws -> [Int] {
    let cache = try model().runner.cache
    let flag = DoneFlag()
    let task = Task {
      defer { flag.set() }
      return try await work()
    }
    var most = cache.layout.groups.map { _ in 0 }
    while !flag.isSet {
      let blocks = try freeBlocks()
      most = zip(most, zip(blocks.all, blocks.free)).map { max($0, $1.0 - $1.1) }
      // The search goes on between two looks.
      await Task.yield()
    }
    _ = try await task.value
    return most
  }
}
