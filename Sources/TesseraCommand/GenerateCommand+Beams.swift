import Tessera

extension GenerateCommand {
  /// Prints the best answer of a beam search, or all of them as a document.
  func search(
    _ language: LanguageModel, _ promptTokens: [Int], source: [Int]?, _ options: BeamSearchOptions
  ) async throws {
    let task = Task { try await language.beamSearch(tokens: promptTokens, source: source, options: options) }
    let interrupt = Interrupt { task.cancel() }
    defer { interrupt.stop() }
    let found = try await task.value
    let experts = try await language.takeExpertStatistics()
    guard let best = found.answers.first else { return }
    if model.json {
      try Terminal.printJSON(
        BeamDocument(
          prompt_tokens: promptTokens, source_tokens: source, tokens: best.tokens, text: best.text ?? "",
          finish_reason: best.finishReason,
          beams: found.answers.map {
            .init(tokens: $0.tokens, text: $0.text ?? "", score: $0.score, finish_reason: $0.finishReason)
          }, statistics: found.statistics, device: language.device.name, kv: language.memoryPlan.cacheEncoding,
          experts: experts))
      return
    }
    Terminal.print(best.text ?? best.tokens.map(String.init).joined(separator: ","))
    if !model.quiet {
      Terminal.diagnose(
        "\nbest of \(options.width) beams: \(best.tokens.count) tokens, score \((best.score * 1000).rounded() / 1000)"
          + found.statistics.summary(of: language))
    }
  }

  /// Named as the document names them.
  private struct BeamDocument: Encodable {
    struct Beam: Encodable {
      let tokens: [Int]
      let text: String
      let score: Double
      let finish_reason: FinishReason
    }

    let prompt_tokens: [Int]
    let source_tokens: [Int]?
    // Of the best answer.
    let tokens: [Int]
    let text: String
    let finish_reason: FinishReason
    /// The best first.
    let beams: [Beam]
    let statistics: GenerationStatistics
    let device: String
    /// How the cache keeps keys and values.
    let kv: String
    /// Of experts that stay in host memory.
    let experts: ExpertStatistics?
  }
}
