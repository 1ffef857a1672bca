import Foundation
import Synchronization
import TesseraModels

extension Engine {
  struct ScoredToken: Sendable {
    var logProbability: Double
    var isLikeliest: Bool
  }

  /// How likely the tokens from `first` on are, each behind those before it. What the cache has of these is not computed.
  func scoredRows(
    _ tokens: [Int], from first: Int, source: [Int]?, adapter: String?, salt: String?
  ) async throws -> [ScoredToken] {
    let scores = Mutex<[ScoredToken]>([])
    // The last token's logits are of what would follow.
    let inputs = Array(tokens.dropLast())
    try model().runner.check(tokens, source: source)
    let sharing = SharedBeginning(salt: salt, unwanted: first - 1)
    try await rows(tokens: inputs, source: source, adapter: adapter, sharing: sharing) { runner, result, start in
      // Logits of the prompt's rows are not computed.
      let wanted = max(0, first - 1 - start)
      var scored: [ScoredToken] = []
      for row in stride(from: wanted, to: result.rowCount, by: runner.logitRows) {
        let range = row..<min(row + runner.logitRows, result.rowCount)
        let logits = try runner.logits(result, rows: range)
        let columns = logits.count / range.count
        for (index, position) in range.enumerated() {
          scored.append(try Self.scored(logits[index * columns..<(index + 1) * columns], tokens[start + position + 1]))
        }
      }
      scores.withLock { $0 += scored }
      return scored.isEmpty ? .unseen : .finite
    }
    return scores.withLock { $0 }
  }

  /// The logits of all tokens, whose blocks others may begin with.
  ///
  /// - Parameter body: given consecutive rows.
  func allLogits(
    _ tokens: [Int], source: [Int]?, chunk: Int?, adapter: String?, salt: String?,
    _ body: @Sendable ([Float]) throws -> Void
  ) async throws {
    let sharing = SharedBeginning(salt: salt)
    try await rows(tokens: tokens, source: source, chunk: chunk, adapter: adapter, sharing: sharing) {
      runner, result, _ in
      var isFinite = true
      for row in stride(from: 0, to: result.rowCount, by: runner.logitRows) {
        let logits = try runner.logits(result, rows: row..<min(row + runner.logitRows, result.rowCount))
        isFinite = isFinite && !logits.suffix(runner.profile.vocabularySize).contains { $0.isNaN || $0 == .infinity }
        try body(logits)
      }
      return isFinite ? .finite : .notFinite
    }
  }

  /// - Throws: `TesseraError.notFinite`.
  private static func scored(_ logits: ArraySlice<Float>, _ token: Int) throws(TesseraError) -> ScoredToken {
    let most = logits.max() ?? 0
    let logSum = log(logits.reduce(0.0) { $0 + exp(Double($1) - Double(most)) }) + Double(most)
    guard logSum.isFinite else { throw .notFinite }
    let own = logits[logits.startIndex + token]
    // Of equal ones the first is the likeliest.
    let isLikeliest = own == most && !logits[..<(logits.startIndex + token)].contains(most)
    return ScoredToken(logProbability: Double(own) - logSum, isLikeliest: isLikeliest)
  }
}
