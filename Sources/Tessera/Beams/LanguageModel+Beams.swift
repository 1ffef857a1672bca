extension LanguageModel {
  /// The best answers to a text that a beam search finds, the best first; no chat template is applied. An encoder-decoder
  /// takes the text as its source.
  ///
  /// - Throws: as `beamSearch(tokens:source:options:)`, and as `tokenizer`.
  public func beamSearch(_ prompt: String, options: BeamSearchOptions = .init()) async throws -> BeamSearchResult {
    let tokenizer = try tokenizer
    let tokens = try await texts.run { try tokenizer.encode(prompt) }
    guard let decoderStartToken else { return try await beamSearch(tokens: tokens, options: options) }
    return try await beamSearch(tokens: [decoderStartToken], source: tokens, options: options)
  }

  /// The best answers behind token ids that a beam search finds, the best first.
  ///
  /// Memory for the beams is that of so many generations: `LoadOptions.sequenceCount` should be as many.
  ///
  /// - Parameters:
  ///   - tokens: ids from 0 to the vocabulary's size - 1, at least one.
  ///   - source: of an encoder-decoder, whose target `tokens` begin.
  ///   - options: how many beams there are, and when the search ends.
  /// - Throws: `TesseraError` for options out of range, an empty prompt, one that does not fit; `ModelError`, `MemoryError`
  ///   where beams find no room, `CancellationError`.
  public func beamSearch(tokens: [Int], source: [Int]? = nil, options: BeamSearchOptions = .init()) async throws
    -> BeamSearchResult
  {
    let found = try await engine.beams(tokens, source: source, options)
    let tokenizer = try? tokenizer
    let answers = try await texts.run {
      try found.answers.prefix(options.resultCount).map { answer in
        BeamAnswer(
          tokens: answer.tokens, text: try tokenizer?.decode(answer.tokens), score: answer.score,
          finishReason: answer.isEnded ? .stop : .length)
      }
    }
    return BeamSearchResult(answers: answers, statistics: found.statistics)
  }
}
