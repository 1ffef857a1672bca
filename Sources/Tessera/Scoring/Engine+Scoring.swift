import Foundation
import Synchronization
import TesseraModels

extension Engine {
  struct ScoredToken: Sendable {
    var logProbability: Double
    var isLikeliest: Bool
  }

  /// How likely the tokens from `first` on are, each behind those before it.
  func scoredRows(_ tokens: [Int], from first: Int, source: [Int]?, adapter: String?) async throws -> [ScoredToken] {
    let state = Mutex<(position: Int, rows: [ScoredToken])>((0, []))
    // The last token's logits are of what would follow.
    let inputs = Array(tokens.dropLast())
    try model().runner.check(tokens, source: source)
    try await rows(tokens: inputs, source: source, adapter: adapter) { runner, result in
      let start = state.withLock { $0.position }
      // Logits of the prompt's rows are not computed.
      let wanted = max(0, first - 1 - start)
      var scored: [ScoredToken] = []
      for row in stride(from: wanted, to: result.rowCount, by: runner.logitRows) {
        let range = row..<min(row + runner.logitRows, result.rowCount)
        let logits = try runner.logits(result, rows: range)
        let columns = logits.count / range.count
        for (index, position) in range.enumerated() {
          scored.append(Self.scored(logits[index * columns..<(index + 1) * columns], tokens[start + position + 1]))
        }
      }
      state.withLock {
        $0.position += result.rowCount
        $0.rows += scored
      }
    }
    return state.withLock { $0.rows }
  }

  private static func scored(_ logits: ArraySlice<Float>, _ token: Int) -> ScoredToken {
    let most = logits.max() ?? 0
    let logSum = log(logits.reduce(0.0) { $0 + exp(Double($1) - Double(most)) }) + Double(most)
    let own = logits[logits.startIndex + token]
    // Of equal ones the first is the likeliest.
    let isLikeliest = own == most && !logits[..<(logits.startIndex + token)].contains(most)
    return ScoredToken(logProbability: Double(own) - logSum, isLikeliest: isLikeliest)
  }
}
