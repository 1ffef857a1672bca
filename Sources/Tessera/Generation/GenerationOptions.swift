import TesseraModels
import TesseraOperators

/// How tokens are chosen, and when to stop.
public struct GenerationOptions: Sendable, Equatable {
  /// The most tokens to generate; nil goes on to the end of the answer or of the context.
  public var maxTokens: Int?
  /// 0 always takes the likeliest token (greedy); higher values flatten the distribution.
  public var temperature: Float = 0
  /// Only so many of the likeliest tokens are considered; 0 considers all.
  public var topK = 40
  /// Only the likeliest tokens that together have this probability are considered (Holtzman et al. 2020); 1 considers all,
  /// 0 the likeliest alone.
  public var topP: Float = 0.95
  /// Tokens less likely than this share of the likeliest are not considered (Nguyen et al. 2024); 0 considers all,
  /// 1 the likeliest alone.
  public var minP: Float = 0.05
  /// Divides the logits of recent tokens (Keskar et al. 2019); 1 leaves them.
  public var repeatPenalty: Float = 1
  /// Tokens that the penalty looks back over.
  public var repeatWindow = 64
  /// Taken from the logit of a token that was generated (OpenAI's definition); 0 does nothing.
  public var presencePenalty: Float = 0
  /// Taken from the logit of a token as often as it was generated (OpenAI's definition); 0 does nothing.
  public var frequencyPenalty: Float = 0
  /// Added to logits, by token id, of at most `logitBiasLimit` tokens; −∞ makes a token impossible.
  public var logitBias: [Int: Float] = [:]
  /// The tokens that may be generated: ⌈vocabulary / 32⌉ words, of which bit id % 32 of word id / 32 allows a token; nil allows
  /// all.
  public var allowedTokens: [UInt32]?
  /// What the answer's text must be: a token that leads elsewhere is never chosen. nil: any text.
  ///
  /// The answer ends where its text is complete and nothing may follow, or where the model ends it, which it can only do
  /// where the text is complete. Only `maxTokens`, the context's end and `stopStrings` end it before.
  public var constraint: TokenConstraint?
  /// Tokens that the answer begins with, whatever the model thinks of them; nil takes what the model's files say
  /// (`LanguageModel.firstTokens`).
  public var firstTokens: [Int]?
  /// Log-probabilities of each token and of so many of the likeliest in its place, at most `topLogprobsLimit`; nil tells none.
  ///
  /// They are of the distribution at temperature 1, after bias, penalties and forbidden tokens.
  public var topLogprobs: Int?
  /// Requests with a higher priority go before others.
  public var priority = 0
  /// Answers share what the cache has of their prompts' beginnings only with those of the same salt.
  public var cacheSalt: String?
  /// The name of the adapter (`LoadOptions.adapters`) that the model answers with; nil: none.
  public var adapter: String?
  /// The same seed gives the same text; nil takes a random one.
  public var seed: UInt64?
  /// Texts that end the answer and are not part of it. None reaches over a control token, which is no text.
  public var stopStrings: [String] = []

  /// Tokens that `logitBias` may list: memory is planned for so many. `allowedTokens` forbids any number.
  public static let logitBiasLimit = ModelRunner.biasLimit

  /// The most that `topLogprobs` may ask for.
  public static let topLogprobsLimit = TokenSampler.topTokenLimit

  public init() {}

  /// Whether any penalty does something.
  var hasPenalty: Bool { repeatPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0 }

  /// - Throws: `TesseraError.badOption` that names the option, its value and its range.
  func check() throws(TesseraError) {
    func require(_ condition: Bool, _ name: String, _ value: some CustomStringConvertible, _ range: String)
      throws(TesseraError)
    {
      guard condition else { throw TesseraError(.badOption, "\(name) is \(value): it must be \(range)") }
    }
    if let maxTokens { try require(maxTokens >= 0, "the number of tokens", maxTokens, "0 or more") }
    try require(temperature >= 0 && temperature.isFinite, "temperature", temperature, "0 or more")
    try require(topK >= 0, "top-k", topK, "0 (all) or more")
    try require((0...1).contains(topP), "top-p", topP, "0 (the likeliest token alone) to 1 (all)")
    try require((0...1).contains(minP), "min-p", minP, "0 (all) to 1 (the likeliest token alone)")
    try require(repeatPenalty > 0 && repeatPenalty.isFinite, "repeat-penalty", repeatPenalty, "over 0")
    try require((0...4096).contains(repeatWindow), "the window of the repeat-penalty", repeatWindow, "0 to 4096")
    try require(presencePenalty.isFinite, "the presence penalty", presencePenalty, "a number")
    try require(frequencyPenalty.isFinite, "the frequency penalty", frequencyPenalty, "a number")
    try require(
      logitBias.count <= Self.logitBiasLimit, "the number of tokens with a logit bias", logitBias.count,
      "at most \(Self.logitBiasLimit): forbid more with allowedTokens")
    if let topLogprobs {
      try require(
        (0...Self.topLogprobsLimit).contains(topLogprobs), "top-logprobs", topLogprobs, "0 to \(Self.topLogprobsLimit)")
    }
    try require(stopStrings.allSatisfy { !$0.isEmpty }, "a stop string", "\"\"", "not empty")
  }
}
