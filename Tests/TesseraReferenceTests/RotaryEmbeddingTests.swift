import Testing

@testable import TesseraReference

@Suite("Rotary embedding reference")
struct RotaryEmbeddingTests {
  @Test("linear, Llama-3 and YaRN frequencies equal transformers' to float32 rounding")
  func frequencies() throws {
    let cases = try Fixtures.operators().frequencies
    #expect(Set(cases.map(\.kind)) == ["linear", "llama3", "yarn"])
    for f in cases {
      let scaling: ReferenceRotaryScaling =
        switch f.kind {
        case "linear": .linear(factor: f.factor)
        case "llama3":
          .llama3(
            factor: f.factor, lowFrequencyFactor: try #require(f.low), highFrequencyFactor: try #require(f.high),
            originalContext: f.originalContext)
        default:
          .yarn(
            factor: f.factor, betaFast: f.betaFast, betaSlow: f.betaSlow, originalContext: f.originalContext)
        }
      let actual = try ReferenceRotaryFrequencies(rotaryDim: f.headDim, base: f.base, scaling: scaling)
      // transformers computes in float32: base^x loses a few units in the last place.
      expectClose(actual.values.map { Float($0) }, f.frequencies.map { Float($0) }, relative: 2e-6, absolute: 0)
      #expect(abs(actual.magnitude - f.magnitude) < 1e-6)
    }
  }

  @Test("both pairings rotate as transformers does")
  func rotations() throws {
    for f in try Fixtures.operators().rotations {
      let rotary = try ReferenceRotaryEmbedding(
        pairing: f.pairing == "adjacent" ? .interleaved : .neox, rotaryDim: f.headDim, base: f.base)
      let y = try rotary.apply(f.x, positions: f.positions, headCount: f.headCount, headDim: f.headDim)
      expectClose(y, f.y, relative: 1e-6, absolute: 1e-6)
    }
  }

  @Test("a partial rotation turns the first elements and keeps the rest")
  func partial() throws {
    var generator = SeededGenerator(seed: 2)
    let x = generator.floats(2 * 12)
    for pairing in [ReferenceRotaryEmbedding.Pairing.interleaved, .neox] {
      let rotary = try ReferenceRotaryEmbedding(pairing: pairing, rotaryDim: 8, base: 100)
      let y = try rotary.apply(x, positions: [3], headCount: 2, headDim: 12)
      let heads = Array(x[0..<8]) + x[12..<20]
      let alone = try rotary.apply(heads, positions: [3], headCount: 2, headDim: 8)
      #expect(Array(y[0..<8]) == Array(alone[0..<8]))
      #expect(Array(y[12..<20]) == Array(alone[8..<16]))
      #expect(Array(y[8..<12]) == Array(x[8..<12]))
      #expect(Array(y[20..<24]) == Array(x[20..<24]))
    }
  }

  @Test("YaRN without extrapolation is linear scaling, and factors divide each frequency")
  func equivalences() throws {
    let linear = try ReferenceRotaryFrequencies(rotaryDim: 32, base: 10000, scaling: .linear(factor: 4))
    let yarn = try ReferenceRotaryFrequencies(
      rotaryDim: 32, base: 10000, scaling: .yarn(factor: 4, extFactor: 0, attnFactor: 1.5, originalContext: 2048))
    #expect(yarn.values == linear.values)
    #expect(yarn.magnitude == 1.5)
    let factors = try ReferenceRotaryFrequencies(
      rotaryDim: 32, base: 10000, scaling: .factors([Double](repeating: 4, count: 16)))
    #expect(factors == linear)
  }

  @Test("angles are position times frequency")
  func angles() throws {
    let rotary = try ReferenceRotaryEmbedding(pairing: .interleaved, rotaryDim: 4, base: 100)
    let angles = rotary.angles(positions: [0, 7])
    #expect(zip(angles, [0, 0, 7, 0.7]).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test("odd dimensions, bases that do not decay and scalings out of range are refused")
  func refusals() {
    #expect(throws: ReferenceError.self) { try ReferenceRotaryFrequencies(rotaryDim: 7, base: 10000) }
    #expect(throws: ReferenceError.self) { try ReferenceRotaryFrequencies(rotaryDim: 0, base: 10000) }
    #expect(throws: ReferenceError.self) { try ReferenceRotaryFrequencies(rotaryDim: 8, base: 1) }
    #expect(throws: ReferenceError.self) {
      try ReferenceRotaryFrequencies(rotaryDim: 8, base: 10000, scaling: .linear(factor: 0))
    }
    #expect(throws: ReferenceError.self) {
      try ReferenceRotaryFrequencies(rotaryDim: 8, base: 10000, scaling: .factors([1]))
    }
    #expect(throws: ReferenceError.self) {
      try ReferenceRotaryEmbedding(pairing: .neox, rotaryDim: 8, base: 10000)
        .apply([1, 2, 3, 4], positions: [0], headCount: 1, headDim: 4)
    }
  }
}
