import Foundation
import TesseraCL
import TesseraKernels
import TesseraReference
import TesseraWorkbench
import Testing

@testable import TesseraOperators

/// Rows that are sampled together on a device, and what the reference says of them.
struct SamplerProblem {
  var logits: [[Float]]
  var rows: [SamplingRow]

  /// What came of it: the choices, the logits after bias, penalties and masks, and the least keys that stay.
  struct Outcome {
    var choices: [TokenSampler.Choice]
    var logits: [[Float]]
    var thresholds: [UInt64]
  }

  func run(on bench: Bench) throws -> Outcome {
    let vocabulary = try #require(logits.first).count
    let request = try SamplingRequest(rows, vocabularySize: vocabulary)
    let buffer = try bench.buffer(logits.flatMap { $0 })
    let workspace = try bench.output(request.workspaceBytes / 4)
    let results = try bench.output(request.resultCount)
    let sampler = TokenSampler(bench.library)
    try sampler.enqueue(
      request, logits: buffer, inputs: bench.buffer(request.words), workspace: workspace, results: results,
      on: bench.queue)
    let choices = try sampler.read(request, results: results, from: bench.queue)
    let adjusted = try bench.floats(buffer)
    let state = try bench.queue.read(workspace, as: UInt64.self, count: request.workspaceBytes / 8)
    let length = request.workspaceBytes / 8 / rows.count
    return Outcome(
      choices: choices,
      logits: rows.indices.map { Array(adjusted[$0 * vocabulary..<($0 + 1) * vocabulary]) },
      thresholds: rows.indices.map { state[$0 * length + SAMPLING_THRESHOLD_AT] })
  }

  /// The order of logits on the device.
  static func key(_ logit: Float, _ id: Int) -> UInt64 {
    let bits = (logit + 0).bitPattern
    return UInt64(bits >> 31 == 1 ? ~bits : bits | 0x8000_0000) << 32 | UInt64(~UInt32(id))
  }

  /// Checks row `index` against the reference; `order` and `logProbabilities` are the reference's of its logits.
  func check(
    _ outcome: Outcome, _ index: Int, order: [Int], logProbabilities: [Double],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let row = rows[index]
    let choice = outcome.choices[index]
    let logits = outcome.logits[index]
    let doubles = logits.map(Double.init)
    let context = Comment(rawValue: "row \(index) of \(logits.count) logits: \(row)")
    guard let id = choice.id else {
      Issue.record("no token: \(context)", sourceLocation: sourceLocation)
      return
    }
    if row.isGreedy {
      #expect(id == order.first, context, sourceLocation: sourceLocation)
    } else {
      let threshold = outcome.thresholds[index]
      let kept = logits.indices.filter { logits[$0] > -.infinity && Self.key(logits[$0], $0) >= threshold }.count
      // Sums of probabilities, and logarithms, are the reference's to about 1e-6.
      let counts = [2e-6, -2e-6].map {
        ReferenceSampling.keptCount(
          doubles, order: order, topK: row.topK, topP: Double(row.topP), minP: Double(row.minP), tolerance: $0)
      }
      #expect((counts[0]...max(counts[0], counts[1])).contains(kept), context, sourceLocation: sourceLocation)
      let probabilities = ReferenceSampling.probabilities(
        doubles, kept: order.prefix(kept), temperature: Double(row.temperature))
      let before = probabilities[..<id].reduce(0, +)
      let point = ReferenceSampling.uniform(seed: row.seed, position: row.position)
      let isDrawn = probabilities[id] > 0 && before - 3e-6 <= point && point <= before + probabilities[id] + 3e-6
      #expect(isDrawn, context, sourceLocation: sourceLocation)
    }
    guard let topTokens = row.topTokens else {
      #expect(choice.logProbability == nil && choice.topTokens.isEmpty, context, sourceLocation: sourceLocation)
      return
    }
    func isClose(_ value: Float?, _ id: Int) -> Bool {
      abs(Double(value ?? .nan) - logProbabilities[id]) <= 2e-6 * (1 + abs(logProbabilities[id]))
    }
    #expect(isClose(choice.logProbability, id), context, sourceLocation: sourceLocation)
    #expect(choice.topTokens.map(\.id) == Array(order.prefix(topTokens)), context, sourceLocation: sourceLocation)
    #expect(
      choice.topTokens.allSatisfy { isClose($0.logProbability, $0.id) }, context, sourceLocation: sourceLocation)
  }
}
