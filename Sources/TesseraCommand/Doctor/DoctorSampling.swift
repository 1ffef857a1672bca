import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference
import TesseraWorkbench

extension DoctorBench {
  /// Choices of tokens: the share of ids that differ; draws, and what bias, penalties and masks make of logits.
  func samplingChecks() -> [DoctorCheck] {
    [
      check("sampling/feed", "70 tokens, two of rows without a choice", tolerance: 0) { [self] in
        let tokens = (0..<70).map { $0 % 41 == 40 ? UInt32.max : UInt32(($0 * 7) % 50) }
        let ids = try output(70)
        try TokenFeed(library).enqueue(
          buffer(tokens.flatMap { [$0, 0, 0, 0] }), into: ids, rows: 70, vocabularySize: 50, on: queue)
        return [doctorDifference(try queue.read(ids, as: UInt32.self, count: 70), tokens.map { min($0, 49) })]
      },
      check("sampling", "greedy and the likeliest 1 to 256 of 5000", tolerance: 0) { [self] in
        var logits = values(5000, seed: 7)
        logits.replaceSubrange(100..<200, with: repeatElement(11, count: 100))
        return try [1, 40, 256].map { count in
          var row = SamplingRow()
          row.topTokens = count
          let choice = try sample([row], [logits]).choices[0]
          let expected = try ReferenceSampling.topK(logits, count: count)
          guard choice.topTokens.count == expected.count, choice.id == expected.first?.id else { return .infinity }
          let wrong = zip(choice.topTokens, expected).filter { $0.id != $1.id }
          return Double(wrong.count) / Double(count)
        }
      },
      check("sampling", "draws with every filter, bias, penalties and masks", tolerance: 4e-6) { [self] in
        let rows = drawnRows()
        let logits = rows.indices.map { values(500, seed: UInt64(20 + $0)).map { $0 / 2 } }
        let (choices, adjusted) = try sample(rows, logits)
        return try rows.indices.flatMap { index -> [Double] in
          let row = rows[index]
          let expected = try ReferenceSampling.adjusted(
            logits[index].map(Double.init), bias: row.bias.map { ($0.id, Double($0.value)) },
            occurrences: row.occurrences.map { ($0.id, Double($0.count)) }, repetition: Double(row.repetitionPenalty),
            presence: Double(row.presencePenalty), frequency: Double(row.frequencyPenalty),
            allowed: row.allowed.map { mask in { mask[$0 / 32] >> UInt32($0 % 32) & 1 == 1 } })
          let change = zip(adjusted[index], expected).reduce(0) { worst, pair in
            pair.1 == -.infinity ? (pair.0 == -.infinity ? worst : .infinity) : max(worst, abs(Double(pair.0) - pair.1))
          }
          return [change, Self.drawError(choices[index], row, adjusted[index].map(Double.init))]
        }
      },
    ]
  }

  private func drawnRows() -> [SamplingRow] {
    [(0, 1, 0), (40, 1, 0), (0, 0.9, 0), (0, 1, 0.05), (200, 0.95, 0.01)].enumerated().map { index, filters in
      var row = SamplingRow()
      row.temperature = [1, 0.8, 1.2, 0.5, 1][index]
      (row.topK, row.topP, row.minP) = (filters.0, Float(filters.1), Float(filters.2))
      (row.seed, row.position) = (UInt64(index) << 40 | 77, UInt64(index))
      row.bias = [.init(id: 1, value: 3), .init(id: 7, value: -.infinity)]
      (row.repetitionPenalty, row.presencePenalty, row.frequencyPenalty) = (1.3, 0.4, 0.3)
      row.occurrences = [.init(id: 0, count: 2), .init(id: 17, count: 0), .init(id: 499, count: 1)]
      row.allowed = (0..<16).map { $0 % 2 == 0 ? .max : 0x5555_aaaa }
      return row
    }
  }

  /// How far the draw's point lies from the token's share of all that stays.
  private static func drawError(_ choice: TokenSampler.Choice, _ row: SamplingRow, _ logits: [Double]) -> Double {
    guard let id = choice.id else { return .infinity }
    let order = ReferenceSampling.order(logits)
    let kept = ReferenceSampling.keptCount(
      logits, order: order, topK: row.topK, topP: Double(row.topP), minP: Double(row.minP), tolerance: 0)
    let shares = ReferenceSampling.probabilities(
      logits, kept: order.prefix(kept), temperature: Double(row.temperature))
    guard shares[id] > 0 else { return .infinity }
    let before = shares[..<id].reduce(0, +)
    let point = ReferenceSampling.uniform(seed: row.seed, position: row.position)
    return max(0, before - point, point - before - shares[id])
  }

  /// The choices, and the logits as they were sampled.
  private func sample(
    _ rows: [SamplingRow], _ logits: [[Float]]
  ) throws -> (choices: [TokenSampler.Choice], logits: [[Float]]) {
    let count = logits[0].count
    let request = try SamplingRequest(rows, vocabularySize: count)
    let results = try Buffer(queue.context, byteCount: request.resultCount * 4)
    let adjusted = try buffer(logits.flatMap { $0 })
    let sampler = TokenSampler(library)
    try sampler.enqueue(
      request, logits: adjusted, inputs: buffer(request.words),
      workspace: Buffer(queue.context, byteCount: request.workspaceBytes), results: results, on: queue)
    let choices = try sampler.read(request, results: results, from: queue)
    let all = try floats(adjusted)
    return (choices, rows.indices.map { Array(all[$0 * count..<($0 + 1) * count]) })
  }
}
