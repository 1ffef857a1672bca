import TesseraCL
import TesseraReference
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Candidates for the next token")
  @MainActor struct CandidatesTests {
    static let keeps = Grid.values([1, 40, 256], small: [1, 5])

    @Test("the likeliest tokens are the reference's, ties in the order of their ids", arguments: Target.all)
    func likeliest(target: Target) throws {
      let bench = try target.bench()
      for vocabulary in Grid.values([1, 5, 63, 64, 65, 1000, 4099], small: [5, 300]) {
        var generator = SeededGenerator(seed: UInt64(vocabulary))
        let smooth = generator.floats(vocabulary, magnitude: 20)
        // Few distinct values, so that every share has ties.
        let tied = generator.floats(vocabulary, magnitude: 3).map { $0.rounded() }
        let equal = [Float](repeating: -2, count: vocabulary)
        let falling = (0..<vocabulary).map { -Float($0) }
        // Ties and then larger values, all in one share, be it contiguous or strided: the later ties must go.
        func late(_ id: Int) -> Float { id < 50 ? 5 : id < 64 ? Float(id) : -10 }
        let contiguous = (0..<vocabulary).map(late)
        let strided = (0..<vocabulary).map { $0 % 64 == 0 ? late($0 / 64) : -10 }
        let rows = [smooth, tied, equal, falling, falling.reversed(), contiguous, strided]
        for keep in Self.keeps {
          let found = try run(rows, keep: keep, on: bench)
          for (row, candidates) in zip(rows, found) {
            let expected = try ReferenceSampling.topK(row, count: keep)
            #expect(
              candidates == expected.map { .init(id: $0.id, logit: $0.logit) },
              "\(keep) of \(vocabulary)")
          }
        }
      }
    }

    @Test("NaN and −∞ are never candidates, and a row of nothing else has none", arguments: Target.all)
    func notNumbers(target: Target) throws {
      let bench = try target.bench()
      var generator = SeededGenerator(seed: 5)
      var logits = generator.floats(700)
      for id in stride(from: 0, to: 700, by: 3) { logits[id] = .nan }
      for id in stride(from: 1, to: 700, by: 7) { logits[id] = -.infinity }
      logits[350] = 1e38
      let nothing = [Float](repeating: -.infinity, count: 350) + [Float](repeating: .nan, count: 350)
      for keep in Self.keeps {
        let found = try run([logits, nothing], keep: keep, on: bench)
        let expected = try ReferenceSampling.topK(logits, count: 700).filter { $0.logit > -.infinity }
        #expect(found[0] == expected.prefix(keep).map { .init(id: $0.id, logit: $0.logit) }, "\(keep)")
        #expect(found[1].isEmpty)
      }
    }

    @Test("a penalty makes only the tokens seen before less likely", arguments: Target.all)
    func penalty(target: Target) throws {
      let bench = try target.bench()
      var generator = SeededGenerator(seed: 6)
      var logits = generator.floats(500, magnitude: 9)
      logits[4] = 0
      for (seen, penalty) in [([4, 499, 0, 17, 250], Float(1.3)), ([3], 0.8), (Array(0..<500), 2)] {
        let buffer = try bench.buffer(logits)
        try Candidates(bench.library).penalise(
          buffer, ids: bench.buffer(seen.map { UInt32($0) }), count: seen.count, penalty: penalty, on: bench.queue)
        let expected = try ReferenceSampling.applyRepetitionPenalty(logits, occurred: seen, penalty: penalty)
        // OpenCL allows a quotient 2.5 units in the last place.
        #expect(
          worstError(try bench.floats(buffer), expected, relativeTo: expected.map(abs)) <= 3e-7, "penalty \(penalty)")
      }
    }

    @Test("keeping none or more than the limit is refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      for keep in [0, -1, Candidates.limit + 1] {
        #expect(throws: OperatorError.self) { try run([[1, 2, 3]], keep: keep, on: bench) }
      }
    }

    private func run(_ rows: [[Float]], keep: Int, on bench: Bench) throws -> [[Candidates.Candidate]] {
      let bytes = Candidates.resultBytes(rows: rows.count, keep: max(1, keep))
      let values = try Buffer(bench.queue.context, byteCount: bytes)
      let ids = try Buffer(bench.queue.context, byteCount: bytes)
      let candidates = Candidates(bench.library)
      try candidates.enqueue(
        bench.buffer(rows.flatMap { $0 }), values: values, ids: ids, rows: rows.count, vocabulary: rows[0].count,
        keep: keep, on: bench.queue)
      return try candidates.read(values: values, ids: ids, rows: rows.count, keep: keep, from: bench.queue)
    }
  }
}
