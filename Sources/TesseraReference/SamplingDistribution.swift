import Foundation

extension ReferenceSampling {
  /// A token's entry in a list: its bias, or how often it was generated.
  package typealias Entry = (id: Int, value: Double)

  /// Logits after bias, penalties and mask, in this order.
  ///
  /// - Parameters:
  ///   - occurrences: with the count of how often each was generated; each id once.
  ///   - repetition: Keskar et al. 2019, for those that are recent; presence and frequency as OpenAI's API defines them.
  ///   - allowed: nil allows all.
  /// Throws ``ReferenceError`` when an id is outside the row.
  package static func adjusted(
    _ logits: [Double], bias: [Entry], occurrences: [Entry], repetition: Double, presence: Double, frequency: Double,
    isRecent: (Int) -> Bool = { _ in true }, allowed: ((Int) -> Bool)?
  ) throws(ReferenceError) -> [Double] {
    var result = logits
    for entry in bias + occurrences where !logits.indices.contains(entry.id) {
      throw ReferenceError(.tokenOutOfRange, "token id \(entry.id) is outside the vocabulary of \(logits.count)")
    }
    for (id, value) in bias { result[id] += value }
    for (id, count) in occurrences {
      if isRecent(id) { result[id] = result[id] > 0 ? result[id] / repetition : result[id] * repetition }
      if count > 0 { result[id] -= count * frequency + presence }
    }
    if let allowed {
      for id in result.indices where !allowed(id) { result[id] = -.infinity }
    }
    return result
  }

  /// Possible tokens, the likeliest first, the lower id first among equals.
  package static func order(_ logits: [Double]) -> [Int] {
    logits.indices.filter { logits[$0] > -.infinity }
      .sorted { logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1) }
  }

  /// How many of the likeliest tokens stay after top-k, top-p of what it leaves, and min-p.
  ///
  /// - Parameters:
  ///   - order: `order` of the logits.
  ///   - topK: 0 keeps all.
  ///   - tolerance: what a sum of probabilities, and a logit, may be wrong by; within it the count is as low as
  ///     possible, or, if negative, as high.
  package static func keptCount(
    _ logits: [Double], order: [Int], topK: Int, topP: Double, minP: Double, tolerance: Double = 0
  ) -> Int {
    guard let first = order.first else { return 0 }
    var kept = order.prefix(topK == 0 ? order.count : topK)
    if topP < 1 {
      let odds = kept.map { exp(logits[$0] - logits[first]) }
      let needed = (topP - tolerance) * odds.reduce(0, +)
      var sum = 0.0
      kept = kept.prefix(
        max(
          1,
          (odds.firstIndex {
            sum += $0; return sum >= needed
          } ?? odds.count - 1) + 1))
    }
    if minP > 0 { kept = kept.prefix { logits[$0] - logits[first] - log(minP) >= tolerance } }
    return max(1, kept.count)
  }

  /// The probability of every token, where only the kept ones can be drawn.
  package static func probabilities(_ logits: [Double], kept: some Sequence<Int>, temperature: Double) -> [Double] {
    var result = [Double](repeating: 0, count: logits.count)
    let best = logits.max() ?? 0
    for id in kept { result[id] = exp((logits[id] - best) / temperature) }
    let sum = result.reduce(0, +)
    return result.map { $0 / sum }
  }

  /// The logarithms of all probabilities at temperature 1.
  package static func logProbabilities(_ logits: [Double]) -> [Double] {
    let best = logits.max() ?? 0
    let logSum = best + log(logits.reduce(0) { $0 + exp($1 - best) })
    return logits.map { $0 - logSum }
  }

  /// Philox4x32-10: four words for a counter under a key.
  ///
  /// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
  package static func philox(
    _ counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c, k) = (counter, key)
    for _ in 0..<10 {
      let a = UInt32(0xD251_1F53).multipliedFullWidth(by: c.0)
      let b = UInt32(0xCD9E_8D57).multipliedFullWidth(by: c.2)
      c = (b.high ^ c.1 ^ k.0, b.low, a.high ^ c.3 ^ k.1, a.low)
      k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
    }
    return c
  }

  /// The number, at least 0 and under 1, at which the cumulative distribution is inverted.
  package static func uniform(seed: UInt64, position: UInt64) -> Double {
    func halves(_ x: UInt64) -> (UInt32, UInt32) { (UInt32(truncatingIfNeeded: x), UInt32(x >> 32)) }
    let counter = halves(position)
    let words = philox((counter.0, counter.1, 0, 0), key: halves(seed))
    return (Double(words.1) * 0x1p32 + Double(words.0)) * 0x1p-64
  }
}
