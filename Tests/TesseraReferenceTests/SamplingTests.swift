import Testing

@testable import TesseraReference

@Suite("Sampling reference")
struct SamplingTests {
  @Test("top-k and the repetition penalty equal torch's and transformers'")
  func matchesTransformers() throws {
    let f = try Fixtures.operators().sampling
    let top = try ReferenceSampling.topK(f.logits, count: f.topIds.count)
    #expect(top.map(\.id) == f.topIds)
    #expect(top.map(\.logit) == f.topLogits)
    #expect(try ReferenceSampling.argmax(f.logits) == f.topIds[0])
    let penalised = try ReferenceSampling.applyRepetitionPenalty(f.logits, occurred: f.occurred, penalty: f.penalty)
    expectClose(penalised, f.penalised, relative: 2e-7, absolute: 0)
  }

  @Test("ties go to the lowest id, and a NaN never wins")
  func ties() throws {
    #expect(try ReferenceSampling.argmax([1, 3, 3, .nan]) == 1)
    #expect(try ReferenceSampling.argmax([.nan, -.infinity]) == 1)
    #expect(try ReferenceSampling.topK([2, .nan, 5, 2, 5, -.infinity], count: 9).map(\.id) == [2, 4, 0, 3, 5, 1])
  }

  @Test("an empty row, a row of NaN and ids outside the row are refused")
  func refusals() {
    #expect(throws: ReferenceError.self) { try ReferenceSampling.argmax([]) }
    #expect(throws: ReferenceError.self) { try ReferenceSampling.argmax([.nan]) }
    #expect(throws: ReferenceError.self) { try ReferenceSampling.topK([1], count: -1) }
    #expect(throws: ReferenceError.self) {
      try ReferenceSampling.applyRepetitionPenalty([1], occurred: [1], penalty: 1.1)
    }
    #expect(throws: ReferenceError.self) {
      try ReferenceSampling.applyRepetitionPenalty([1], occurred: [0], penalty: 0)
    }
  }
}
