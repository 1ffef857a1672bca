import Foundation
import TesseraCL
import TesseraReference
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Token sampler")
  @MainActor struct TokenSamplerTests {
    @Test("tokens, filters and log-probabilities are the reference's", arguments: Target.all)
    func reference(target: Target) throws {
      let bench = try target.bench()
      for vocabulary in Grid.values([1, 31, 32, 33, 255, 257, 5000, 49152], small: [1, 33, 257, 1500]) {
        var generator = SeededGenerator(seed: UInt64(vocabulary))
        for logits in kinds(vocabulary, &generator) {
          var rows: [SamplingRow] = []
          for topK in Grid.values([0, 1, 5, 40, 300], small: [0, 5, 40]) {
            for topP in Grid.values([1, 0.9, 0.3, 0], small: [1, 0.9]) as [Float] {
              for minP in Grid.values([0, 0.05, 1], small: [0, 0.05]) as [Float] {
                var row = SamplingRow()
                row.temperature = [0, 0.25, 1, 2][rows.count % 4]
                (row.topK, row.topP, row.minP) = (topK, topP, minP)
                (row.seed, row.position) = (generator.next(), generator.next() >> 20)
                row.topTokens = [nil, 0, 1, 5, 200][rows.count % 5]
                rows.append(row)
              }
            }
          }
          let problem = SamplerProblem(logits: rows.map { _ in logits }, rows: rows)
          let outcome = try problem.run(on: bench)
          let doubles = logits.map(Double.init)
          let order = ReferenceSampling.order(doubles)
          let logProbabilities = ReferenceSampling.logProbabilities(doubles)
          for index in rows.indices {
            problem.check(outcome, index, order: order, logProbabilities: logProbabilities)
          }
        }
      }
    }

    @Test("bias, penalties and masks change logits as the reference's, each row its own", arguments: Target.all)
    func adjustments(target: Target) throws {
      let bench = try target.bench()
      for vocabulary in [40, 500] {
        var generator = SeededGenerator(seed: 6)
        var problem = SamplerProblem(logits: [], rows: [])
        for index in 0..<12 {
          problem.logits.append(generator.floats(vocabulary, magnitude: 9))
          var row = SamplingRow()
          row.temperature = 1
          row.topTokens = 3
          row.seed = generator.next()
          if index % 2 == 1 { row.allowed = (0..<(vocabulary + 31) / 32).map { _ in UInt32(generator.next() >> 32) } }
          if index % 3 > 0 {
            (row.repetitionPenalty, row.presencePenalty, row.frequencyPenalty) = (1.3, 0.4, 0.3)
            row.occurrences = [0, 4, 17, 21, vocabulary - 1].map {
              .init(id: $0, count: Int(generator.next() % 4), isRecent: $0 % 4 > 0)
            }
          }
          if index % 4 > 0 {
            row.bias = [1, 4, 33].map { .init(id: $0, value: generator.nextFloat(magnitude: 20)) }
            row.bias.append(.init(id: 7, value: -.infinity))
          }
          problem.rows.append(row)
        }
        let outcome = try problem.run(on: bench)
        for (index, row) in problem.rows.enumerated() {
          let expected = try ReferenceSampling.adjusted(
            problem.logits[index].map(Double.init), bias: row.bias.map { ($0.id, Double($0.value)) },
            occurrences: row.occurrences.map { ($0.id, Double($0.count)) }, repetition: Double(row.repetitionPenalty),
            presence: Double(row.presencePenalty), frequency: Double(row.frequencyPenalty), isRecent: { $0 % 4 > 0 },
            allowed: row.allowed.map { mask in { mask[$0 / 32] >> UInt32($0 % 32) & 1 == 1 } })
          for (value, expected) in zip(outcome.logits[index], expected) {
            #expect(
              expected == -.infinity ? value == -.infinity : abs(Double(value) - expected) <= 4e-6, "row \(index)")
          }
          let doubles = outcome.logits[index].map(Double.init)
          problem.check(
            outcome, index, order: ReferenceSampling.order(doubles),
            logProbabilities: ReferenceSampling.logProbabilities(doubles))
        }
      }
    }

    @Test(
      "a row with a NaN or +∞, or without a possible token, has none; its neighbors have theirs", arguments: Target.all)
    func notFinite(target: Target) throws {
      let bench = try target.bench()
      var generator = SeededGenerator(seed: 5)
      let vocabulary = 300
      let right = generator.floats(vocabulary, magnitude: 5)
      var rows: [[Float]] = [right, right, right, [Float](repeating: -.infinity, count: vocabulary), right]
      rows[1][299] = .nan
      rows[2][0] = .infinity
      for temperature: Float in [0, 0.8] {
        var row = SamplingRow()
        row.temperature = temperature
        (row.topK, row.topP, row.minP, row.topTokens) = (40, 0.95, 0.05, 4)
        var problem = SamplerProblem(logits: rows, rows: rows.map { _ in row })
        // Nothing is allowed.
        problem.rows.append(row)
        problem.rows[5].allowed = [UInt32](repeating: 0, count: (vocabulary + 31) / 32)
        problem.logits.append(right)
        let choices = try problem.run(on: bench).choices
        for index in [1, 2, 3, 5] { #expect(choices[index] == TokenSampler.Choice(), "row \(index)") }
        #expect(choices[0].id != nil && choices[0].topTokens.count == 4)
        #expect(choices[0] == choices[4])
      }
    }

    @Test("rows that are not drawn are sampled in two launches", arguments: Target.all)
    func launches(target: Target) throws {
      let bench = try target.bench()
      func launches(_ change: (inout SamplingRow) -> Void) throws -> Int {
        var row = SamplingRow()
        change(&row)
        let before = bench.queue.launchCount
        _ = try SamplerProblem(logits: [[1, 2, 3], [3, 2, 1]], rows: [SamplingRow(), row]).run(on: bench)
        return bench.queue.launchCount - before
      }
      #expect(try launches { _ in } == 2)
      #expect(try launches { $0.topTokens = 0 } == 3)
      #expect(try launches { $0.temperature = 1 } == (target.style == .vector ? 4 : 3))
      #expect(try launches { ($0.temperature, $0.topP) = (1, 0.9) } == 5)
      #expect(try launches { ($0.temperature, $0.topP, $0.topTokens) = (1, 0.9, 2) } == 6)
    }

    /// Smooth, with many ties, with all equal, over a wide range, half impossible, and in falling order.
    private func kinds(_ vocabulary: Int, _ generator: inout SeededGenerator) -> [[Float]] {
      var half = generator.floats(vocabulary, magnitude: 3)
      for id in half.indices where id != vocabulary / 2 && generator.next() % 2 == 0 { half[id] = -.infinity }
      return [
        generator.floats(vocabulary, magnitude: 6),
        generator.floats(vocabulary, magnitude: 3).map { $0.rounded() },
        [Float](repeating: -2, count: vocabulary),
        generator.floats(vocabulary, magnitude: 60),
        half,
        (0..<vocabulary).map { Float($0) * -0.01 },
      ]
    }
  }
}
