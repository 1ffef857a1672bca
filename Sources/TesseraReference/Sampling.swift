/// How the token of one row of logits is chosen, in Double.
package enum ReferenceSampling {
  /// The id of the largest logit, the lowest id among equals. A NaN never wins.
  ///
  /// Throws ``ReferenceError`` when no logit is a number.
  package static func argmax(_ logits: [Float]) throws(ReferenceError) -> Int {
    var best: Int?
    for (id, logit) in logits.enumerated() where !logit.isNaN {
      guard let current = best else {
        best = id
        continue
      }
      if logit > logits[current] { best = id }
    }
    guard let best else {
      throw ReferenceError(.invalidParameter, "none of the \(logits.count) logits is a number")
    }
    return best
  }

  /// The `count` likeliest ids with their logits: largest logit first, lower id first among equals, NaN last.
  ///
  /// Fewer come back when there are fewer logits. Throws ``ReferenceError`` when `count` is negative.
  package static func topK(_ logits: [Float], count: Int) throws(ReferenceError) -> [(id: Int, logit: Float)] {
    guard count >= 0 else { throw ReferenceError(.invalidParameter, "top-k of \(count) candidates") }
    let ordered = logits.enumerated().sorted { a, b in
      if a.element == b.element || (a.element.isNaN && b.element.isNaN) { return a.offset < b.offset }
      if a.element.isNaN || b.element.isNaN { return b.element.isNaN }
      return a.element > b.element
    }
    return ordered.prefix(count).map { ($0.offset, $0.element) }
  }

  /// Makes tokens that have occurred less likely: a positive logit is divided by `penalty`, another multiplied by it.
  ///
  /// Each distinct id counts once. Source: Keskar et al., "CTRL", 2019 (arXiv 1909.05858), section 4.1.
  ///
  /// Throws ``ReferenceError`` when `penalty` is not positive and finite or an id is outside the row.
  package static func applyRepetitionPenalty(
    _ logits: [Float], occurred: [Int], penalty: Float
  ) throws(ReferenceError) -> [Float] {
    guard penalty > 0, penalty.isFinite else {
      throw ReferenceError(.invalidParameter, "the repetition penalty is \(penalty), it must be positive and finite")
    }
    var result = logits
    for id in Set(occurred) {
      guard logits.indices.contains(id) else {
        throw ReferenceError(.tokenOutOfRange, "token id \(id) is outside the vocabulary of \(logits.count)")
      }
      result[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty
    }
    return result
  }
}
