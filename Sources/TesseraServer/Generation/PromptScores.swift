import Foundation
import Synchronization
import Tessera

extension LanguageModel {
  /// The log-probabilities of a prompt's tokens behind those before them, as if they had been generated; the first has none.
  ///
  /// All of them are computed: logits of what the cache has are nowhere. But what answers the prompt finds it there then.
  ///
  /// - Parameters:
  ///   - count: how many of the likeliest are told in the place of each.
  ///   - salt: of those who share the prompt's beginning.
  func promptScores(_ tokens: [Int], count: Int, salt: String?) async throws -> [ShownToken] {
    guard let first = tokens.first else { return [] }
    var scored = [ShownToken(id: first, logprob: nil)]
    guard tokens.count > 1 else { return scored }
    let columns = profile.vocabularySize
    let list = Mutex<[ShownToken]>([])
    // What the last token's logits say is of what would follow.
    try await logits(tokens: Array(tokens.dropLast()), cacheSalt: salt) { rows in
      list.withLock { list in
        for start in stride(from: 0, to: rows.count, by: columns) {
          let row = rows[start..<min(start + columns, rows.count)]
          list.append(Self.scored(row, token: tokens[list.count + 1], count: count))
        }
      }
    }
    scored += list.withLock { $0 }
    return scored
  }

  private static func scored(_ logits: ArraySlice<Float>, token: Int, count: Int) -> ShownToken {
    let most = logits.max() ?? 0
    let logSum = log(logits.reduce(0.0) { $0 + exp(Double($1) - Double(most)) }) + Double(most)
    func logprob(_ id: Int) -> Float { Float(Double(logits[logits.startIndex + id]) - logSum) }
    var best: [Int] = []
    for id in 0..<logits.count {
      let value = logits[logits.startIndex + id]
      // Of equal ones the first goes before.
      guard best.count < count || best.last.map({ value > logits[logits.startIndex + $0] }) ?? false else { continue }
      let place = best.firstIndex { value > logits[logits.startIndex + $0] } ?? best.count
      best.insert(id, at: place)
      if best.count > count { best.removeLast() }
    }
    return ShownToken(id: token, logprob: logprob(token), alternatives: best.map { ($0, logprob($0)) })
  }
}
