import Foundation
import TesseraReference
import Testing

@testable import TesseraOperators

@Suite("Rotary tables")
struct RotaryTableTests {
  static let scalings: [(RotaryTable.Scaling, ReferenceRotaryScaling)] = [
    (.none, .none),
    (.linear(factor: 8), .linear(factor: 8)),
    (
      .llama3(factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192),
      .llama3(factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192)
    ),
    (
      .yarn(factor: 4, betaFast: 32, betaSlow: 1, attentionFactor: nil, originalContext: 32768),
      .yarn(factor: 4, originalContext: 32768)
    ),
    (
      .yarn(factor: 40, betaFast: 24, betaSlow: 2, attentionFactor: nil, originalContext: 4096),
      .yarn(factor: 40, betaFast: 24, betaSlow: 2, originalContext: 4096)
    ),
    (
      .divisors((0..<32).map { 1 + Float($0) / 4 }), .factors((0..<32).map { 1 + Double($0) / 4 })
    ),
  ]

  @Test("frequencies and magnitudes are the reference's for every scaling")
  func frequencies() throws {
    for (scaling, reference) in Self.scalings {
      for base in [10_000.0, 500_000, 1_000_000] {
        let table = try RotaryTable(rotaryDim: 64, ropeTheta: base, scaling: scaling)
        let expected = try ReferenceRotaryFrequencies(rotaryDim: 64, base: base, scaling: reference)
        #expect(abs(table.magnitude - expected.magnitude) <= 1e-12, "\(scaling)")
        for (frequency, value) in zip(table.frequencies, expected.values) {
          #expect(abs(frequency - value) <= 1e-12 * value, "\(scaling), base \(base)")
        }
      }
    }
  }

  @Test("YaRN's ramp begins and ends between pairs where it is not truncated")
  func untruncatedYarn() throws {
    func frequencies(_ truncates: Bool) throws -> [Double] {
      try RotaryTable(
        rotaryDim: 64, ropeTheta: 150_000,
        scaling: .yarn(
          factor: 32, betaFast: 32, betaSlow: 1, attentionFactor: nil, originalContext: 4096, truncates: truncates)
      ).frequencies
    }
    // The pairs that turn 32 times and once over 4,096 positions: 8.09 and 17.40.
    let plain = (0..<32).map { pow(150_000, -Double($0) / 32) }
    let share = zip(try frequencies(false), plain).map { (1 - $0 / $1) * 32 / 31 }
    for (pair, value) in share.enumerated() {
      let ramp = min(max((Double(pair) - 8.0928) / (17.3980 - 8.0928), 0), 1)
      #expect(abs(value - ramp) < 1e-4, "pair \(pair): \(value), \(ramp)")
    }
    #expect(try frequencies(true) != frequencies(false))
  }

  @Test("LongRoPE has factors for contexts up to the original one, and others for longer ones")
  func longRope() throws {
    let (short, long) = ((0..<32).map { 1 + Double($0) / 16 }, (0..<32).map { 1 + Double($0) / 4 })
    let table = try RotaryTable(
      rotaryDim: 64, ropeTheta: 10_000,
      scaling: .longRope(short: short, long: long, magnitude: 1.19, originalContext: 4096))
    for (context, factors) in [(1, short), (4096, short), (4097, long), (131_072, long)] {
      let chosen = table.table(ofContext: context)
      let expected = try ReferenceRotaryFrequencies(rotaryDim: 64, base: 10_000, scaling: .factors(factors))
      #expect(chosen.magnitude == 1.19)
      for (frequency, value) in zip(chosen.frequencies, expected.values) {
        #expect(abs(frequency - value) <= 1e-12 * value, "a context of \(context)")
      }
    }
    let others = try RotaryTable(rotaryDim: 64, ropeTheta: 10_000, scaling: .linear(factor: 8))
    #expect(others.table(ofContext: 1 << 20) == others)
    for factors in [[], [1], short.map { $0 - 1 }] {
      #expect(throws: OperatorError.self) {
        try RotaryTable(
          rotaryDim: 64, ropeTheta: 10_000,
          scaling: .longRope(short: short, long: factors, magnitude: 1, originalContext: 4096))
      }
    }
  }

  @Test("rows hold cosine and sine of each pair, at far positions too")
  func rows() throws {
    for (scaling, reference) in Self.scalings {
      let positions = [0, 1, 77, 131_071]
      let rotary = try ReferenceRotaryEmbedding(pairing: .neox, rotaryDim: 64, base: 500_000, scaling: reference)
      let table = try RotaryTable(rotaryDim: 64, ropeTheta: 500_000, scaling: scaling)
      // A head of ones in the first half becomes the cosines, then the sines.
      let head = [Float](repeating: 1, count: 32) + [Float](repeating: 0, count: 32)
      let ones = Array([[Float]](repeating: head, count: positions.count).joined())
      let turned = try rotary.apply(ones, positions: positions, headCount: 1, headDim: 64)
      let rows = table.rows(at: positions)
      for token in positions.indices {
        for pair in 0..<32 {
          #expect(abs(rows[token * 64 + 2 * pair] - turned[token * 64 + pair]) <= 2e-7, "\(scaling)")
          #expect(abs(rows[token * 64 + 2 * pair + 1] - turned[token * 64 + 32 + pair]) <= 2e-7, "\(scaling)")
        }
      }
    }
  }

  @Test("an attention factor that is given is the magnitude")
  func attentionFactor() throws {
    let table = try RotaryTable(
      rotaryDim: 64, ropeTheta: 10_000,
      scaling: .yarn(factor: 4, betaFast: 32, betaSlow: 1, attentionFactor: 0.75, originalContext: 4096))
    #expect(table.magnitude == 0.75)
  }

  @Test("odd dimensions and parameters without a meaning are refused")
  func refusals() {
    for (dim, base, scaling) in [
      (63, 1e4, RotaryTable.Scaling.none), (0, 1e4, .none), (-2, 1e4, .none), (64, 0, .none), (64, .nan, .none),
      (64, .infinity, .none), (64, 1e4, .linear(factor: 0)), (64, 1e4, .divisors([1, 2])),
      (64, 1e4, .divisors([Float](repeating: 0, count: 32))),
      (64, 1e4, .llama3(factor: 8, lowFrequencyFactor: 4, highFrequencyFactor: 4, originalContext: 8192)),
      (64, 1, .yarn(factor: 4, betaFast: 32, betaSlow: 1, attentionFactor: nil, originalContext: 4096)),
      (64, 1e4, .yarn(factor: 4, betaFast: 32, betaSlow: 1, attentionFactor: nil, originalContext: 0)),
    ] {
      #expect(throws: OperatorError.self, "\(dim), \(base), \(scaling)") {
        try RotaryTable(rotaryDim: dim, ropeTheta: base, scaling: scaling)
      }
    }
  }
}
