/// How a beam search goes: the likeliest answers as a whole, not the likeliest token each time (Sutskever et al. 2014).
public struct BeamSearchOptions: Sendable, Equatable {
  /// When a search that has as many finished answers as beams goes on.
  public enum Stopping: String, Sendable, CaseIterable {
    /// While the best beam, if it ended where it is, would be better than the worst finished answer.
    case heuristic
    /// Never.
    case early
    /// While any continuation of the best beam could be better than the worst finished answer.
    case never
  }

  /// Answers that are followed at once.
  public var width = 4
  /// The best answers that are wanted, at most `width`.
  public var resultCount = 1
  /// The most tokens of an answer; nil goes on to the end of the context.
  public var maxTokens: Int?
  /// Tokens that an answer has before it may end.
  public var minTokens = 0
  /// Scores are log-probabilities divided by lengthᵖ, p being this (Wu et al. 2016): 0 does nothing, more favors long
  /// answers.
  public var lengthPenalty = 1.0
  public var stopping = Stopping.heuristic
  /// No sequence of so many tokens occurs twice in target or answer (Paulus et al. 2018); 0 allows all.
  public var noRepeatNGram = 0
  /// Tokens that the answer begins with, whatever the model thinks of them; nil takes what the model's files say
  /// (`LanguageModel.firstTokens`).
  public var firstTokens: [Int]?
  /// The name of the adapter (`LoadOptions.adapters`) that the model answers with; nil: none.
  public var adapter: String?
  /// The search shares what the cache has of its prompt's beginning only with those of the same salt.
  public var cacheSalt: String?
  /// Tokens that end an answer; nil takes the model's.
  public var endTokens: Set<Int>?

  /// Beams that are possible.
  public static let largestWidth = 1024

  public init() {}

  /// - Throws: `TesseraError.badOption` that names the option, its value and its range.
  func check() throws(TesseraError) {
    func require(_ condition: Bool, _ name: String, _ value: some CustomStringConvertible, _ range: String)
      throws(TesseraError)
    {
      guard condition else { throw TesseraError(.badOption, "\(name) is \(value): it must be \(range)") }
    }
    try require((1...Self.largestWidth).contains(width), "the number of beams", width, "1 to \(Self.largestWidth)")
    try require((1...width).contains(resultCount), "the number of answers", resultCount, "1 to the \(width) beams")
    if let maxTokens { try require(maxTokens >= 1, "the number of tokens", maxTokens, "1 or more") }
    try require(minTokens >= 0, "the least number of tokens", minTokens, "0 or more")
    try require(lengthPenalty.isFinite, "the length penalty", lengthPenalty, "a number")
    try require(noRepeatNGram >= 0, "the length of sequences that are not repeated", noRepeatNGram, "0 (all) or more")
  }
}

/// An answer that a beam search has found.
public struct BeamAnswer: Sendable, Equatable {
  /// Without the one that ended it.
  public let tokens: [Int]
  /// nil where the model has no tokenizer.
  public let text: String?
  /// The sum of the tokens' log-probabilities, with the length penalty.
  public let score: Double
  /// `.stop` or `.length`.
  public let finishReason: FinishReason
}

/// What a beam search has found.
public struct BeamSearchResult: Sendable {
  /// The best first.
  public let answers: [BeamAnswer]
  /// Generated tokens are those of each beam, the longest one's; the first is there when all begin.
  public let statistics: GenerationStatistics
}
