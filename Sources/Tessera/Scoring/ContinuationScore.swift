/// How likely a model thinks that a text goes on so.
public struct ContinuationScore: Sendable, Equatable {
  /// The continuation's token ids.
  public let tokens: [Int]
  /// The logarithm of each token's probability behind all before it.
  public let logProbabilities: [Double]
  /// Whether each token is the likeliest one.
  public let isGreedy: Bool

  /// The logarithm of the continuation's probability.
  public var sum: Double { logProbabilities.reduce(0, +) }
}

extension LanguageModel {
  /// How likely a continuation of a prompt is. An encoder-decoder takes the prompt as its source.
  ///
  /// Prompt and continuation are tokenized together; the tokens from the first one on in which they differ from the
  /// prompt's own are the continuation's.
  /// - Parameters:
  ///   - prompt: what stands before.
  ///   - continuation: the text whose probability is asked for.
  ///   - adapter: the name of the adapter that the model computes with; nil: none.
  /// - Throws: `TesseraError` `.emptyPrompt` for a continuation without tokens, or with none before it,
  ///   `.contextFull`, `.noTokenizer`.
  public func score(_ prompt: String, continuation: String, adapter: String? = nil) async throws -> ContinuationScore {
    let tokenizer = try tokenizer
    if let decoderStartToken {
      let (source, target) = try await texts.run {
        (try tokenizer.encode(prompt), try tokenizer.encode(continuation))
      }
      return try await score(
        tokens: [decoderStartToken], continuation: target, source: source, adapter: adapter)
    }
    let (whole, count) = try await texts.run {
      // What is added behind a text would stand between the two.
      let end = tokenizer.addsEndToken ? 1 : 0
      let (first, whole) = (try tokenizer.encode(prompt), try tokenizer.encode(prompt + continuation))
      return (Array(whole.dropLast(end)), zip(first.dropLast(end), whole).prefix { $0 == $1 }.count)
    }
    return try await score(
      tokens: Array(whole.prefix(count)), continuation: Array(whole.dropFirst(count)), adapter: adapter)
  }

  /// How likely token ids are behind others.
  ///
  /// - Parameters:
  ///   - tokens: what is there, at least one; of an encoder-decoder the target's, which begins with `decoderStartToken`.
  ///   - continuation: what is scored, at least one.
  ///   - source: of an encoder-decoder.
  ///   - adapter: the name of the adapter that the model computes with; nil: none.
  public func score(
    tokens: [Int], continuation: [Int], source: [Int]? = nil, adapter: String? = nil
  ) async throws -> ContinuationScore {
    guard !tokens.isEmpty else {
      throw TesseraError(.emptyPrompt, "no token before the continuation: give a prompt, or at least a beginning token")
    }
    guard !continuation.isEmpty else {
      throw TesseraError(.emptyPrompt, "the continuation has no tokens: give it at least one")
    }
    if profile.classification != nil { throw ModelError.noLogits(profile) }
    let rows = try await engine.scoredRows(tokens + continuation, from: tokens.count, source: source, adapter: adapter)
    return ContinuationScore(
      tokens: continuation, logProbabilities: rows.map(\.logProbability), isGreedy: rows.allSatisfy(\.isLikeliest))
  }
}
