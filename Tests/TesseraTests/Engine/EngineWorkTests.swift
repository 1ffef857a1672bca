import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Tessera

/// Whether somebody waits for turns.
private final class Others: Sendable {
  private let state = Mutex(false)
  var areThere: Bool {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

extension Engine {
  /// Asks for one turn after another until nobody wants them: on the engine's own thread, so that no other thread has a part in when.
  ///
  /// - Returns: behind how many different steps it came
  fileprivate func turns(for others: Others) async -> Int {
    others.areThere = true
    var steps: Set<Int> = []
    while others.areThere {
      steps.insert(loaded?.runner.lastResult ?? 0)
      await letOthersGo()
    }
    return steps.count
  }
}

extension ModelSuites {
  @Suite("Work beside requests", .timeLimit(.minutes(60)))
  struct EngineWorkTests {
    @Test("logits at once, each with all blocks, wait for each other")
    func logitsAtOnce() async throws {
      let language = try await SyntheticModel.llama.loadEndless(context: 128, chunk: 16)
      let streams = (1...4).map { SyntheticModel.ids(120, seed: UInt64($0)) }
      var alone: [[Float]] = []
      for stream in streams { alone.append(try await language.allLogits(stream)) }
      let together = try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
        for (index, stream) in streams.enumerated() {
          group.addTask { (index, try await language.allLogits(stream)) }
        }
        // Also the measurement is a sequence of its own.
        async let measured = language.measure(promptTokens: 100, generatedTokens: 10, depth: 0)
        let rows = try await group.reduce(into: [Int: [Float]]()) { $0[$1.0] = $1.1 }
        #expect(try await measured.prompt > 0)
        return rows
      }
      for (index, rows) in alone.enumerated() { #expect(together[index] == rows) }
      try await language.waitForAllBlocks()
    }

    @Test("who is canceled while it waits for its turn leaves the line")
    func canceled() async throws {
      let language = try await SyntheticModel.llama.loadEndless(context: 128)
      try await language.engine.takeTurn()
      let tasks = (0..<3).map { _ in Task { try await language.allLogits([1, 2, 3]) } }
      tasks[1].cancel()
      await #expect(throws: CancellationError.self) { _ = try await tasks[1].value }
      await language.engine.endTurn()
      #expect(try await tasks[0].value == tasks[2].value)
    }

    /// Notes of several tasks.
    private final class Notes: Sendable {
      private let notes = Mutex<[String]>([])
      var all: [String] { notes.withLock { $0 } }
      func add(_ note: String) { notes.withLock { $0.append(note) } }
    }

    /// Behind how many steps the engine turns to others while work is done.
    private func turns(_ engine: Engine, during work: @escaping @Sendable () async throws -> Void) async throws -> Int {
      let others = Others()
      return try await withThrowingTaskGroup(of: Int.self) { group in
        group.addTask { await engine.turns(for: others) }
        group.addTask {
          while !others.areThere { try await Task.sleep(for: .milliseconds(1)) }
          defer { others.areThere = false }
          try await work()
          return 0
        }
        return try await group.reduce(0, +)
      }
    }

    @Test("a long text's vector, and a measurement, leave the engine to others between two steps")
    func steps() async throws {
      var options = LoadOptions()
      (options.contextLength, options.chunkSize) = (2048, 16)
      let text = SyntheticModel.ids(1600)
      let language = try await SyntheticModel.llama.load(options)
      // Programs are compiled once.
      let vectors = try await language.engine.pooled([TypedTokens(ids: text)], .mean)
      let pooling = try await turns(language.engine) {
        let again = try await language.engine.pooled([TypedTokens(ids: text)], .mean)
        #expect(again == vectors)
      }
      // Of 100 steps.
      #expect(pooling >= 50)
      let measuring = try await turns(language.engine) {
        _ = try await language.measure(promptTokens: 800, generatedTokens: 50, depth: 0)
      }
      #expect(measuring >= 50)
    }

    @Test("what cannot be measured is refused, and of an encoder-decoder a source is read first")
    func measurements() async throws {
      let language = try await LanguageModel.load(
        from: URL(fileURLWithPath: FamilyFixture.path("families/t5")),
        options: {
          var options = LoadOptions()
          (options.contextLength, options.sequenceCount) = (64, 70)
          return options
        }())
      // More sequences than a step has tokens.
      #expect(try await language.measure(promptTokens: 9, generatedTokens: 3, depth: 2, sequences: 70).generation > 0)
      #expect(try await language.measure(promptTokens: 0, generatedTokens: 3, depth: 0).prompt >= 0)
      for counts in [(.max, 1, 0), (60, 5, 0), (.max, .max, .max)] {
        await #expect {
          _ = try await language.measure(promptTokens: counts.0, generatedTokens: counts.1, depth: counts.2)
        } throws: { ($0 as? TesseraError)?.code == .contextFull }
      }
      for counts in [(-1, 1, 0), (1, -1, 0), (1, 1, -1), (.min, 1, 0)] {
        await #expect {
          _ = try await language.measure(promptTokens: counts.0, generatedTokens: counts.1, depth: counts.2)
        } throws: { ($0 as? TesseraError)?.code == .badOption }
      }
      await #expect(throws: TesseraError.self) {
        _ = try await language.measure(promptTokens: 1, generatedTokens: 1, depth: 0, sequences: 0)
      }
      try await language.waitForAllBlocks()
    }

    @Test("token types are one for each token, of the model's segments")
    func tokenTypes() async throws {
      let bert = try await LanguageModel.load(from: URL(fileURLWithPath: FamilyFixture.path("families/bert")))
      #expect(try await bert.hidden(tokens: [1, 2, 3], tokenTypes: [0, 1, 1]).count == 3 * bert.profile.hiddenSize)
      for types in [[], [0], [0, 0, 0, 0], [0, 0, -1], [2, 0, 0]] {
        await #expect(throws: (any Error).self) { _ = try await bert.hidden(tokens: [1, 2, 3], tokenTypes: types) }
      }
    }

    @Test("files are opened on the engine's thread, prompts are made on the texts'")
    func threads() async throws {
      @Sendable func thread() -> String { "\(pthread_self())" }
      let threads = Notes()
      let path = try FamilyFixture.path("families/bert")
      let embedder = try await Embedder.load(LoadOptions(), nil, { _ in }) {
        threads.add(thread())
        return try ModelSource(path: path)
      }
      let language = try await SyntheticModel.llama.load()
      var options = GenerationOptions()
      options.maxTokens = 1
      _ = try await GenerationRun(
        GenerationStream(model: language, options: options) {
          threads.add(thread())
          return ([1, 2], nil)
        })
      let engine = try await embedder.model.engine.open(thread)
      let texts = try await language.texts.run(thread)
      #expect(threads.all == [engine, texts] && engine != texts)
    }
  }
}
