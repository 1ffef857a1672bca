import Foundation

/// How the token of one row of logits is chosen.
///
/// The steps, in their order: bias; penalties; mask; then top-k, top-p of what it leaves, and min-p, all on the
/// distribution at temperature 1; then a draw at `temperature` from the tokens that stay. llama.cpp and vLLM agree on
/// bias before penalties and on the penalties; the order of the filters is llama.cpp's.
package struct SamplingRow: Sendable, Equatable {
  /// 0 takes the largest logit, of equals the lower id. So do a `topK` of 1, a `topP` of 0 and a `minP` of 1.
  package var temperature: Float = 0
  /// Only so many of the likeliest tokens stay; 0 keeps all.
  package var topK = 0
  /// Only the fewest likeliest tokens that have this probability together stay (Holtzman et al. 2020); 1 keeps all.
  package var topP: Float = 1
  /// Only tokens that have this share of the likeliest's probability stay (Nguyen et al. 2024); 0 keeps all.
  package var minP: Float = 0
  /// Divides the positive logits of tokens that occurred, and multiplies the others (Keskar et al. 2019); 1 does nothing.
  package var repetitionPenalty: Float = 1
  /// Taken from the logit of a token that was generated (OpenAI's definition).
  package var presencePenalty: Float = 0
  /// Taken from the logit of a token as often as it was generated (OpenAI's definition).
  package var frequencyPenalty: Float = 0
  /// Tokens that the penalties are for, each once.
  package var occurrences: [Occurrence] = []
  /// Values that are added to logits, each token once; −∞ makes a token impossible.
  package var bias: [Bias] = []
  /// The tokens that may be chosen: ⌈vocabulary / 32⌉ words, of which bit id % 32 of word id / 32 allows a token; nil
  /// allows all.
  package var allowed: [UInt32]?
  /// The draw is a function of the seed, the position and the distribution, and of nothing else.
  package var seed: UInt64 = 0
  /// The position of the token in its sequence.
  package var position: UInt64 = 0
  /// Log-probabilities of the chosen token and of so many of the likeliest, 0 to 256; nil tells none.
  ///
  /// They are of the distribution at temperature 1 after bias, penalties and mask, before the filters.
  package var topTokens: Int?

  package init() {}

  /// A token that occurred in a sequence.
  package struct Occurrence: Sendable, Equatable {
    package var id: Int
    /// How often it was generated; 0 for a token of the prompt alone, which only the repetition penalty is for.
    package var count: Int
    /// Whether it is among those that the repetition penalty is for.
    package var isRecent: Bool

    package init(id: Int, count: Int, isRecent: Bool = true) {
      (self.id, self.count, self.isRecent) = (id, count, isRecent)
    }
  }

  /// The value that is added to a token's logit.
  package struct Bias: Sendable, Equatable {
    package var id: Int
    package var value: Float

    package init(id: Int, value: Float) { (self.id, self.value) = (id, value) }
  }

  /// Whether only one token can stay, so that nothing is drawn.
  var isGreedy: Bool { temperature == 0 || topK == 1 || topP == 0 || minP == 1 }
  /// Whether the penalties change anything.
  var hasPenalty: Bool { repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0 }

  /// - Throws: `OperatorError` that names what is outside of its range.
  func check(vocabularySize: Int) throws(OperatorError) {
    func require(_ condition: Bool, _ name: String, _ value: some CustomStringConvertible, _ range: String)
      throws(OperatorError)
    {
      guard condition else { throw OperatorError(.parameter, "\(name) is \(value): it must be \(range)") }
    }
    try require(temperature >= 0 && temperature.isFinite, "temperature", temperature, "0 or more")
    try require(topK >= 0, "top-k", topK, "0 (all) or more")
    try require((0...1).contains(topP), "top-p", topP, "0 to 1")
    try require((0...1).contains(minP), "min-p", minP, "0 to 1")
    try require(
      repetitionPenalty >= .leastNormalMagnitude && repetitionPenalty.isFinite, "repetition penalty", repetitionPenalty,
      "over 0")
    try require(presencePenalty.isFinite, "presence penalty", presencePenalty, "a number")
    try require(frequencyPenalty.isFinite, "frequency penalty", frequencyPenalty, "a number")
    let limit = TokenSampler.topTokenLimit
    try require((0...limit).contains(topTokens ?? 0), "the number of likeliest tokens", topTokens ?? 0, "0 to \(limit)")
    for entry in bias {
      try require(
        entry.value < .infinity, "the bias of token \(entry.id)", entry.value, "a number, or -inf to forbid the token")
    }
    for entry in occurrences {
      try require(
        (0...Int(Int32.max)).contains(entry.count), "the count of token \(entry.id)", entry.count, "0 to \(Int32.max)")
    }
    try Self.check(bias.map(\.id), "bias", vocabularySize)
    try Self.check(occurrences.map(\.id), "penalty", vocabularySize)
    if let allowed {
      let words = (vocabularySize + 31) / 32
      try require(allowed.count == words, "the words of the mask", allowed.count, "\(words), a bit for each token")
    }
  }

  /// Refuses ids outside the vocabulary, and one that comes twice: two work-items would change the same logit.
  private static func check(_ ids: [Int], _ list: String, _ vocabularySize: Int) throws(OperatorError) {
    var seen = Set<Int>(minimumCapacity: ids.count)
    for id in ids {
      guard (0..<vocabularySize).contains(id) else {
        throw OperatorError(
          .parameter, "a \(list) for token \(id): the vocabulary has tokens 0 to \(vocabularySize - 1)")
      }
      guard seen.insert(id).inserted else { throw OperatorError(.parameter, "two \(list) entries for token \(id)") }
    }
  }
}
