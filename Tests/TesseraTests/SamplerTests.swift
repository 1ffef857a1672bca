import Foundation
import Testing
import TesseraOperators

@testable import Tessera

@Suite("Sampler")
struct SamplerTests {
  /// Probabilities 0.5, 0.25, 0.15, 0.07, 0.03 of the ids 10, 11, 12, 13, 14.
  private static let probabilities = [0.5, 0.25, 0.15, 0.07, 0.03]
  private static let candidates = probabilities.enumerated().map {
    Candidates.Candidate(id: 10 + $0, logit: Float(log($1)) + 3)
  }

  /// How often each id is chosen in 20,000 draws.
  private func counts(_ configure: (inout GenerationOptions) -> Void) throws -> [Int: Int] {
    var options = GenerationOptions()
    (options.temperature, options.topK, options.topP, options.minP, options.seed) = (1, 0, 1, 0, 42)
    configure(&options)
    var sampler = Sampler(options)
    var counts: [Int: Int] = [:]
    for _ in 0..<20_000 { counts[try sampler.choose(Self.candidates), default: 0] += 1 }
    return counts
  }

  @Test("at temperature 1 every token comes as often as its probability says")
  func frequencies() throws {
    let counts = try counts { _ in }
    for (index, probability) in Self.probabilities.enumerated() {
      let expected = probability * 20_000
      // Four standard deviations.
      let slack = 4 * (expected * (1 - probability)).squareRoot()
      #expect(abs(Double(counts[10 + index] ?? 0) - expected) < slack, "\(10 + index)")
    }
  }

  @Test("temperature sharpens and flattens")
  func temperature() throws {
    // p ∝ p^(1/t): 0.25 : 0.0625 : 0.0225 : 0.0049 : 0.0009 at 0.5.
    let cold = try counts { $0.temperature = 0.5 }
    #expect(abs(Double(cold[10] ?? 0) / 20_000 - 0.25 / 0.3408) < 0.015)
    let hot = try counts { $0.temperature = 100 }
    #expect(hot.values.allSatisfy { abs(Double($0) / 20_000 - 0.2) < 0.015 })
    #expect(try counts { $0.temperature = .leastNonzeroMagnitude } == [10: 20_000])
  }

  @Test("top-k keeps the k likeliest", arguments: [1, 2, 3, 5, 9])
  func topK(k: Int) throws {
    #expect(Set(try counts { $0.topK = k }.keys) == Set(10..<10 + min(k, 5)))
  }

  @Test(
    "top-p keeps the fewest that reach it",
    arguments: [(0, 1), (0.3, 1), (0.5, 1), (0.51, 2), (0.8, 3), (0.95, 4), (1, 5)])
  func topP(p: Float, kept: Int) throws {
    #expect(Set(try counts { $0.topP = p }.keys) == Set(10..<10 + kept))
  }

  @Test(
    "min-p leaves out what is under its share of the likeliest",
    arguments: [(0.04, 5), (0.1, 4), (0.2, 3), (0.6, 1), (1, 1)])
  func minP(p: Float, kept: Int) throws {
    #expect(Set(try counts { $0.minP = p }.keys) == Set(10..<10 + kept))
  }

  @Test("temperature 0 takes the first and needs one candidate")
  func greedy() throws {
    #expect(try counts { $0.temperature = 0 } == [10: 20_000])
    #expect(Sampler(GenerationOptions()).keep == 1)
  }

  @Test("the same seed draws the same tokens, another seed others, and no seed a random one")
  func seeds() throws {
    func draws(_ seed: UInt64?) throws -> [Int] {
      var options = GenerationOptions()
      (options.temperature, options.topK, options.topP, options.minP, options.seed) = (1, 0, 1, 0, seed)
      var sampler = Sampler(options)
      return try (0..<100).map { _ in try sampler.choose(Self.candidates) }
    }
    #expect(try draws(5) == draws(5))
    #expect(try draws(5) != draws(6))
    #expect(try draws(nil) != draws(nil))
  }

  @Test("no finite logit is an error, not a token")
  func notFinite() {
    var sampler = Sampler(GenerationOptions())
    #expect { try sampler.choose([]) } throws: { ($0 as? TesseraError)?.code == .notFinite }
  }

  @Test("SplitMix64 gives the published numbers of seed 1234567")
  func splitMix() {
    // https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64
    var random = SplitMix64(state: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    #expect((0..<5).map { _ in random.next() } == expected)
  }

  @Test("options out of range are refused by name")
  func options() {
    let changes: [(String, (inout GenerationOptions) -> Void)] = [
      ("temperature", { $0.temperature = -1 }), ("temperature", { $0.temperature = .nan }),
      ("temperature", { $0.temperature = .infinity }), ("top-k", { $0.topK = -1 }), ("top-p", { $0.topP = -0.1 }),
      ("top-p", { $0.topP = 1.1 }), ("min-p", { $0.minP = 1.1 }), ("min-p", { $0.minP = .nan }),
      ("repeat-penalty", { $0.repeatPenalty = 0 }), ("window", { $0.repeatWindow = -1 }),
      ("tokens", { $0.maxTokens = -1 }), ("stop string", { $0.stopStrings = ["a", ""] }),
    ]
    for (name, change) in changes {
      var options = GenerationOptions()
      change(&options)
      #expect { try options.check() } throws: { error in
        (error as? TesseraError)?.code == .badOption && "\(error)".contains(name)
      }
    }
  }
}
