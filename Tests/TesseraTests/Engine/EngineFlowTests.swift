import Foundation
import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension Engine {
  /// Reads a request to its end on the engine's own thread, between any two steps, so that no other thread has a part in when it asks.
  ///
  /// - Returns: how many steps there had been, of whomever, as each token came
  fileprivate func stepNumbers(of id: SequenceID) async throws -> [Int] {
    var numbers: [Int] = []
    while true {
      while let event = try requests[id]?.take() {
        guard case .token? = event else {
          abandon(id)
          return numbers
        }
        numbers.append(stepNumber)
        goOn(id)
      }
      await letOthersGo()
    }
  }

  fileprivate func begin(_ prompt: [Int], _ options: GenerationOptions) throws -> SequenceID {
    try submit(prompt, options)
  }

  fileprivate var stepNumber: Int { loaded?.runner.lastResult ?? 0 }
}

extension ModelSuites {
  @Suite("Requests go on beside other work", .timeLimit(.minutes(60)))
  struct EngineFlowTests {
    /// What holds the turn of work beside requests.
    enum Work: String, CaseIterable, Sendable {
      case beams, score, vectors, logits, measurement

      func run(on language: LanguageModel) async throws {
        let text = SyntheticModel.ids(200, seed: 3)
        switch self {
        case .beams:
          var options = BeamSearchOptions()
          (options.width, options.maxTokens, options.stopping, options.endTokens) = (3, 60, .never, [])
          _ = try await language.beamSearch(tokens: Array(text.prefix(90)), options: options)
        case .score: _ = try await language.score(tokens: Array(text.prefix(3)), continuation: Array(text.dropFirst(3)))
        case .vectors:
          let texts = (0..<6).map { TypedTokens(ids: SyntheticModel.ids(120, seed: UInt64($0))) }
          _ = try await language.engine.pooled(texts, .mean)
        case .logits: try await language.logits(tokens: text) { _ in }
        case .measurement: _ = try await language.measure(promptTokens: 160, generatedTokens: 40, depth: 0)
        }
      }
    }

    @Test(
      "streams have their steps between those of other work, whatever it is", arguments: Work.allCases,
      [KernelStyle.vector, .simt])
    func flow(work: Work, style: KernelStyle) async throws {
      let language = try await SyntheticModel.llama.loadEndless(sequences: 6, context: 256, chunk: 8, style: style)
      let engine = language.engine
      // What is compiled and measured once.
      try await work.run(on: language)
      var options = GenerationOptions()
      options.maxTokens = 240
      // On a busy machine streams may have ended before the work has begun.
      var seen = 0
      for _ in 0..<50 where seen < 8 {
        let streams = try await [engine.begin([1, 2, 3], options), engine.begin([4, 5], options)]
        async let one = engine.stepNumbers(of: streams[0])
        async let other = engine.stepNumbers(of: streams[1])
        let first = await engine.stepNumber
        try await work.run(on: language)
        let last = await engine.stepNumber
        seen = .max
        for numbers in try await [one, other] {
          #expect(numbers.count == 240)
          let beside = numbers.filter { first < $0 && $0 <= last }
          seen = min(seen, beside.count)
          guard let began = beside.first else { continue }
          let gaps = zip(beside, beside.dropFirst()).map { $1 - $0 }
          // Both streams go on with one step in two.
          let count = min(last, numbers.last ?? 0) - began
          #expect(beside.count * 4 >= count && gaps.max() ?? 0 <= 12, "\(gaps) of \(count)")
        }
      }
      #expect(seen >= 8)
      try await language.waitForAllBlocks()
    }
  }
}
