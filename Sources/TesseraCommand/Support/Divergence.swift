import Foundation
import Synchronization

/// How far logits are from those of a reference, over the same positions.
final class Divergence: Sendable {
  /// Named as the document names them.
  struct Result: Encodable {
    /// Of the reference's distribution from the other's, in nats.
    var mean_kl = 0.0
    /// Of a log-probability, over the reference's eight likeliest tokens at each position.
    var largest_top8_difference = 0.0
    /// Positions at which the likeliest token differs.
    var different_greedy = 0
    var positions = 0
  }

  private struct State {
    var scored = 0..<0
    var (expectedPosition, comparedPosition) = (0, 0)
    var expected: [Float] = []
    /// Of `expected`, floats that were compared.
    var consumed = 0
    var kl = 0.0
    var result = Result()
  }

  private let vocabulary: Int
  private let state = Mutex(State())

  init(vocabulary: Int) { self.vocabulary = vocabulary }

  /// A sequence begins, of which these positions count.
  func begin(scored: Range<Int>) {
    state.withLock {
      ($0.scored, $0.expectedPosition, $0.comparedPosition, $0.consumed) = (scored, 0, 0, 0)
      $0.expected.removeAll(keepingCapacity: true)
    }
  }

  /// Consecutive rows of the reference, kept until the other's come.
  func expect(_ logits: [Float]) {
    state.withLock { state in
      for first in stride(from: 0, to: logits.count, by: vocabulary) {
        defer { state.expectedPosition += 1 }
        if state.scored.contains(state.expectedPosition) { state.expected += logits[first..<first + vocabulary] }
      }
    }
  }

  /// Compares consecutive rows with the reference's; does nothing where it has none.
  func compare(_ logits: [Float]) {
    state.withLock { state in
      for first in stride(from: 0, to: logits.count, by: vocabulary) {
        defer { state.comparedPosition += 1 }
        guard state.scored.contains(state.comparedPosition), state.consumed < state.expected.count else { continue }
        let expected = state.expected[state.consumed..<state.consumed + vocabulary]
        Self.add(expected, logits[first..<first + vocabulary], to: &state)
        state.consumed += vocabulary
      }
    }
  }

  var result: Result {
    state.withLock {
      var result = $0.result
      result.mean_kl = $0.kl / Double(max(1, result.positions))
      return result
    }
  }

  private static func add(_ p: ArraySlice<Float>, _ q: ArraySlice<Float>, to state: inout State) {
    let (pSum, qSum) = (logSum(p), logSum(q))
    var kl = 0.0
    // The likeliest first.
    var top: [(logit: Float, index: Int)] = []
    var best = q.startIndex
    for (i, j) in zip(p.indices, q.indices) {
      let expected = Double(p[i]) - pSum
      kl += exp(expected) * (expected - (Double(q[j]) - qSum))
      if q[j] > q[best] { best = j }
      if top.count < 8 || p[i] > top[7].logit {
        top.insert((p[i], i), at: top.firstIndex { $0.logit < p[i] } ?? top.count)
        if top.count > 8 { top.removeLast() }
      }
    }
    state.kl += kl
    state.result.positions += 1
    for (logit, index) in top {
      let difference = Double(logit) - pSum - (Double(q[q.startIndex + index - p.startIndex]) - qSum)
      state.result.largest_top8_difference = max(state.result.largest_top8_difference, abs(difference))
    }
    if let first = top.first, first.index - p.startIndex != best - q.startIndex { state.result.different_greedy += 1 }
  }

  /// log Σ e^x
  private static func logSum(_ logits: ArraySlice<Float>) -> Double {
    let most = Double(logits.max() ?? 0)
    return log(logits.reduce(0.0) { $0 + exp(Double($1) - most) }) + most
  }
}
