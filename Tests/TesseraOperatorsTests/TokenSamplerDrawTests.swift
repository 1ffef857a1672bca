import Foundation
import TesseraCL
import TesseraMemory
import TesseraReference
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Token sampler's draws")
  @MainActor struct TokenSamplerDrawTests {
    @Test("tokens are drawn as often as they are likely", arguments: Target.all)
    func frequencies(target: Target) throws {
      let bench = try target.bench()
      let vocabulary = 100
      var generator = SeededGenerator(seed: 3)
      let logits = generator.floats(vocabulary, magnitude: 2)
      var row = SamplingRow()
      (row.temperature, row.topK, row.topP) = (1.5, 60, 0.9)
      row.seed = 42
      let (draws, together) = Grid.isSmall ? (256, 128) : (16384, 1024)
      var counts = [Int](repeating: 0, count: vocabulary)
      for first in stride(from: 0, to: draws, by: together) {
        let rows = (first..<first + together).map { position in
          var row = row
          row.position = UInt64(position)
          return row
        }
        for choice in try SamplerProblem(logits: rows.map { _ in logits }, rows: rows).run(on: bench).choices {
          counts[try #require(choice.id)] += 1
        }
      }
      let doubles = logits.map(Double.init)
      let order = ReferenceSampling.order(doubles)
      let kept = ReferenceSampling.keptCount(doubles, order: order, topK: 60, topP: Double(Float(0.9)), minP: 0)
      let probabilities = ReferenceSampling.probabilities(doubles, kept: order.prefix(kept), temperature: 1.5)
      var statistic = 0.0
      for (count, probability) in zip(counts, probabilities) {
        let expected = probability * Double(draws)
        if expected == 0 { #expect(count == 0) } else { statistic += pow(Double(count) - expected, 2) / expected }
      }
      // Of chi-square with n degrees of freedom, n − 4.5 √(2n) to n + 4.5 √(2n) leaves out less than one in ten thousand.
      let freedom = Double(kept - 1)
      #expect(abs(statistic - freedom) < 4.5 * (2 * freedom).squareRoot(), "\(statistic) of \(freedom)")
      #expect(kept > 20)
    }

    @Test("a choice is the same bits alone, in any batch and in both styles", arguments: TestDevices.all)
    func invariance(device: TestDevice) throws {
      let vocabulary = 5000
      var generator = SeededGenerator(seed: 8)
      var problem = SamplerProblem(logits: [], rows: [])
      for index in 0..<24 {
        // Of some rows more keys are in one bin than can be listed: all are equal, or within an eighth of a nat.
        let magnitude: Float = [3, 12, 3, 12, 0, 0.05][index % 6]
        problem.logits.append(generator.floats(vocabulary, magnitude: magnitude))
        var row = SamplingRow()
        row.temperature = [0, 0.7, 1, 3][index % 4]
        row.topK = [0, 40, 2000][index % 3]
        row.topP = [1, 0.95, 0.5][index / 3 % 3]
        row.minP = index % 5 == 0 ? 0.01 : 0
        row.topTokens = index % 2 == 0 ? 7 : nil
        (row.seed, row.position) = (generator.next(), UInt64(index))
        problem.rows.append(row)
      }
      var all: [[TokenSampler.Choice]] = []
      for style in KernelStyle.allCases {
        let bench = try Target(device: device, style: style).bench()
        all.append(try problem.run(on: bench).choices)
        let order = problem.rows.indices.shuffled(using: &generator)
        let shuffled = try SamplerProblem(
          logits: order.map { problem.logits[$0] }, rows: order.map { problem.rows[$0] }
        ).run(on: bench).choices
        #expect(shuffled == order.map { all[0][$0] })
        for index in [0, 5, 10, 23] {
          let alone = try SamplerProblem(logits: [problem.logits[index]], rows: [problem.rows[index]]).run(on: bench)
          #expect(alone.choices == [all[0][index]])
        }
      }
      #expect(all[0] == all[1])
    }

    @Test("what cannot be sampled is refused before it reaches the device")
    func refusals() throws {
      func refuse(_ text: String, _ change: (inout SamplingRow) -> Void) {
        var row = SamplingRow()
        change(&row)
        let error = #expect(throws: OperatorError.self) {
          try SamplingRequest([SamplingRow(), row], vocabularySize: 100)
        }
        let message = error?.message ?? ""
        #expect(message.contains("row 1") && message.contains(text), "\(message)")
      }
      refuse("temperature") { $0.temperature = -1 }
      refuse("temperature") { $0.temperature = .nan }
      refuse("top-k") { $0.topK = -1 }
      refuse("top-p") { $0.topP = 1.5 }
      refuse("top-p") { $0.topP = .nan }
      refuse("min-p") { $0.minP = -0.1 }
      refuse("repetition penalty") { $0.repetitionPenalty = 0 }
      refuse("presence penalty") { $0.presencePenalty = .infinity }
      refuse("frequency penalty") { $0.frequencyPenalty = .nan }
      refuse("257") { $0.topTokens = 257 }
      refuse("token 100") { $0.bias = [.init(id: 100, value: 1)] }
      refuse("token -1") { $0.occurrences = [.init(id: -1, count: 1)] }
      refuse("two bias entries for token 3") { $0.bias = [.init(id: 3, value: 1), .init(id: 3, value: 1)] }
      refuse("two penalty entries for token 3") { $0.occurrences = [.init(id: 3, count: 1), .init(id: 3, count: 1)] }
      refuse("count of token 3") { $0.occurrences = [.init(id: 3, count: -1)] }
      refuse("bias of token 3") { $0.bias = [.init(id: 3, value: .nan)] }
      refuse("mask") { $0.allowed = [1] }
      #expect(throws: OperatorError.self) { try SamplingRequest([], vocabularySize: 100) }
      #expect(throws: OperatorError.self) { try SamplingRequest([SamplingRow()], vocabularySize: 0) }
      #expect(throws: OperatorError.self) { try SamplingRequest([SamplingRow()], vocabularySize: 1 << 21) }
    }
  }
}
