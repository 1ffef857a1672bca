import Foundation
import TesseraReference

/// What a model says of a window, token by token, by the rules of Whisper's paper (Radford et al. 2022, 4.5) as its authors'
/// program has them: timestamps come in pairs and do not go back, an answer begins with one, and where they are together more
/// likely than any word, one comes next.
struct SpeechAnswer {
  let rules: SpeechTokens
  let temperature: Double
  private(set) var tokens: [Int] = []
  /// The sum of the log-probabilities of what was chosen, the end included.
  private(set) var sum = 0.0
  private var generator: SeededGenerator

  init(_ rules: SpeechTokens, temperature: Double, seed: UInt64) {
    (self.rules, self.temperature) = (rules, temperature)
    generator = SeededGenerator(seed: seed)
  }

  var averageLogProbability: Double { sum / Double(tokens.count + 1) }

  /// Chooses the next token.
  ///
  /// - Returns: nil at the end.
  /// - Throws: `TesseraError.notFinite`.
  mutating func advance(_ logits: [Float]) throws(TesseraError) -> Int? {
    var logits = logits
    suppress(&logits)
    let most = Self.largest(logits)
    guard most.isFinite else { throw TesseraError.notFinite }
    // If any timestamp is likelier than each word, one is next.
    let words = logits[..<rules.firstTimestamp], timestamps = logits[rules.firstTimestamp...]
    let timestampSum = Self.logSum(timestamps)
    let wordsAreOut = timestampSum > Double(Self.largest(words))
    let allowed = wordsAreOut ? timestamps : logits[...]
    let total = wordsAreOut ? timestampSum : Self.logSum(allowed)
    let token = temperature > 0 ? draw(allowed) : Self.best(allowed)
    sum += Double(logits[token]) - total
    guard token != rules.end else { return nil }
    tokens.append(token)
    return token
  }

  private func suppress(_ logits: inout [Float]) {
    func hide(_ range: Range<Int>, _ logits: inout [Float]) {
      for index in range.clamped(to: logits.indices) { logits[index] = -.infinity }
    }
    let first = rules.firstTimestamp
    for token in rules.suppressed + (tokens.isEmpty ? rules.suppressedFirst : []) { logits[token] = -.infinity }
    logits[rules.noTimestamps] = -.infinity
    guard let last = tokens.last else {
      hide(0..<first, &logits)
      return hide(rules.lastInitialTimestamp + 1..<max(logits.count, rules.lastInitialTimestamp + 1), &logits)
    }
    let isLast = last >= first
    let isPenultimate = tokens.count < 2 || tokens[tokens.count - 2] >= first
    if isLast { hide(isPenultimate ? first..<logits.count : 0..<rules.end, &logits) }
    if let newest = tokens.last(where: { $0 >= first }) {
      // A segment is not empty, so that the same does not come for ever.
      hide(first..<(isLast && !isPenultimate ? newest : newest + 1), &logits)
    }
  }

  private mutating func draw(_ logits: ArraySlice<Float>) -> Int {
    let most = Double(Self.largest(logits))
    let weights = logits.map { exp((Double($0) - most) / temperature) }
    // 53 bits: a number from 0 to 1.
    var rest = Double(generator.next() >> 11) / Double(1 << 53) * weights.reduce(0, +)
    for (index, weight) in zip(logits.indices, weights) where weight > 0 {
      rest -= weight
      if rest < 0 { return index }
    }
    return Self.best(logits)
  }

  // MARK: Sums

  /// The first of the largest.
  private static func best(_ logits: ArraySlice<Float>) -> Int {
    let most = largest(logits)
    return logits.firstIndex(of: most) ?? logits.startIndex
  }

  private static func largest(_ logits: some Collection<Float>) -> Float {
    logits.withContiguousStorageIfAvailable { $0.reduce(-Float.infinity) { $1 > $0 ? $1 : $0 } } ?? -.infinity
  }

  /// log Σ exp(logit). What is too small to change the sum is left out.
  static func logSum(_ logits: some Collection<Float>) -> Double {
    let most = largest(logits)
    guard most > -.infinity else { return -.infinity }
    let sum = logits.withContiguousStorageIfAvailable { logits in
      let least = most - 40
      var sum = 0.0
      for logit in logits where logit > least { sum += Foundation.exp(Double(logit - most)) }
      return sum
    }
    return log(sum ?? 1) + Double(most)
  }

  /// How likely a token is.
  static func probability(of token: Int, in logits: [Float]) -> Double {
    exp(Double(logits[token]) - logSum(logits))
  }
}
