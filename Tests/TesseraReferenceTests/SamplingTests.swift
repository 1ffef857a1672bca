import Foundation
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
    let penalized = try ReferenceSampling.applyRepetitionPenalty(f.logits, occurred: f.occurred, penalty: f.penalty)
    expectClose(penalized, f.penalized, relative: 2e-7, absolute: 0)
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

  @Test("Philox4x32-10 has the known answers of its authors' library")
  func philox() {
    #expect(ReferenceSampling.philox((0, 0, 0, 0), key: (0, 0)) == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = UInt32.max
    #expect(
      ReferenceSampling.philox((ones, ones, ones, ones), key: (ones, ones))
        == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      ReferenceSampling.philox((0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
        == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test("filters keep what their definitions say, and the penalties take away what OpenAI's say")
  func filters() throws {
    // Probabilities of 1/2, 1/4, 1/8, 1/8.
    let logits = [8.0, 16, 4, 4].map { log($0) }
    let order = ReferenceSampling.order(logits)
    #expect(order == [1, 0, 2, 3])
    func kept(_ topK: Int = 0, _ topP: Double = 1, _ minP: Double = 0) -> Int {
      ReferenceSampling.keptCount(logits, order: order, topK: topK, topP: topP, minP: minP)
    }
    let alone: [Int] = [kept(), kept(3), kept(9), kept(0, 0.4), kept(0, 0.6), kept(0, 0.8)]
    #expect(alone == [4, 3, 4, 1, 2, 3] as [Int])
    // Half of what top-k leaves is two thirds of it: one token is enough.
    let more: [Int] = [kept(2, 0.6), kept(2, 0.7), kept(0, 1, 0.4), kept(0, 1, 0.6)]
    #expect(more == [1, 2, 2, 1] as [Int])
    let adjusted: [Double] = try ReferenceSampling.adjusted(
      [2, -2, 3, 1], bias: [(2, 1)], occurrences: [(0, 0), (1, 2), (2, 1)], repetition: 2, presence: 0.5,
      frequency: 0.25, allowed: { $0 != 3 })
    #expect(adjusted == [1, -5, 1.25, -.infinity] as [Double])
    #expect(throws: ReferenceError.self) {
      try ReferenceSampling.adjusted(
        [1], bias: [(1, 1)], occurrences: [], repetition: 1, presence: 0, frequency: 0, allowed: nil)
    }
  }
}
