import Foundation
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Beam searches between requests", .timeLimit(.minutes(60)))
  struct EngineBeamTests {
    /// A search or a request, drawn at random.
    private struct Work: Sendable {
      let prompt: [Int]
      let source: [Int]?
      var beams: BeamSearchOptions?
      var sampling = GenerationOptions()

      init(_ model: LanguageModel, _ random: inout SeededNumbers) {
        func ids(_ most: Int) -> [Int] { (0..<1 + random.below(most)).map { _ in 3 + random.below(90) } }
        (prompt, source) = model.decoderStartToken.map { ([$0], ids(20)) } ?? (ids(20), nil)
        if random.below(3) == 0 {
          var options = BeamSearchOptions()
          (options.width, options.maxTokens, options.endTokens) = (1 + random.below(4), 4 + random.below(12), [])
          beams = options
        }
        (sampling.maxTokens, sampling.temperature, sampling.seed) = (4 + random.below(20), 2, UInt64(random.below(99)))
      }

      /// The tokens of the answers, and their scores' bits.
      func run(on model: LanguageModel) async throws -> [[UInt64]] {
        if let beams {
          return try await model.beamSearch(tokens: prompt, source: source, options: beams).answers.map {
            $0.tokens.map { UInt64($0) } + [$0.score.bitPattern]
          }
        }
        var tokens: [UInt64] = []
        for try await case .token(let token) in model.generate(tokens: prompt, source: source, options: sampling) {
          tokens.append(UInt64(token.id))
        }
        return [tokens]
      }
    }

    @Test(
      "each gives what it gives alone, also where blocks are few, and all blocks come back",
      arguments: ["bart", "qwen2-tied"])
    func random(folder: String) async throws {
      var options = LoadOptions()
      (options.contextLength, options.sequenceCount) = (64, 4)
      let model = try await LanguageModel.load(
        from: URL(fileURLWithPath: FamilyFixture.path("families/\(folder)")), options: options)
      var random = SeededNumbers(seed: 3)
      for _ in 0..<Grid.values([12], small: [4])[0] {
        let work = (0..<8).map { _ in Work(model, &random) }
        var alone: [[[UInt64]]] = []
        for work in work { alone.append(try await work.run(on: model)) }
        let together = try await withThrowingTaskGroup(of: (Int, [[UInt64]]).self) { group in
          for (index, work) in work.enumerated() {
            let pause = random.below(40)
            group.addTask {
              for _ in 0..<pause { await Task.yield() }
              return (index, try await work.run(on: model))
            }
          }
          return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for (index, answers) in alone.enumerated() { #expect(together[index] == answers, "\(work[index])") }
        #expect(alone.contains { $0.joined().count > 4 })
        try await model.waitForAllBlocks()
      }
    }
  }
}
