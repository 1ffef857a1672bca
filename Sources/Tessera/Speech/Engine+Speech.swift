import TesseraMemory
import TesseraModels

extension Engine {
  /// Transcribes a window: once greedy and, as long as that fails, with more and more chance.
  ///
  /// - Parameters:
  ///   - features: of the window (`ModelProfile.SourceFeatures`).
  ///   - context: tokens of what was said before.
  ///   - language: its token; nil for a model that knows one alone.
  func transcribe(
    _ features: [Float], context: [Int], language: Int?, _ rules: SpeechTokens, _ options: TranscriptionOptions
  ) async throws -> TranscribedWindow {
    let (runner, tokenizer) = (try model().runner, try model().tokenizer)
    let limit = runner.contextLength / 2
    try await takeTurn()
    defer { endTurn() }
    let sequence = runner.cache.makeSequence()
    defer { sequence.close() }
    _ = try withRoom(makeRoom) { try runner.runSource(features: features, of: sequence) }
    try await pause()

    let prompt = rules.prompt(context: context, limit: limit - 1, language: language, task: options.task)
    guard prompt.count < runner.contextLength else { throw contextFull(prompt.count, runner) }
    // Up to the start, whose logits say whether there is speech at all.
    let start = (prompt.lastIndex(of: rules.start) ?? 0) + 1
    var first = try logits(Array(prompt[..<start]), of: sequence)
    let noSpeech = rules.noSpeech.map { SpeechAnswer.probability(of: $0, in: first) } ?? 0
    if start < prompt.count { first = try logits(Array(prompt[start...]), of: sequence) }

    var window = TranscribedWindow(
      tokens: [], text: "", averageLogProbability: 0, noSpeechProbability: noSpeech, compressionRatio: 0,
      temperature: 0)
    for (attempt, temperature) in options.temperatures.enumerated() {
      if attempt > 0 { try sequence.truncate(to: prompt.count) }
      var answer = SpeechAnswer(rules, temperature: temperature, seed: options.seed &+ UInt64(attempt))
      var logits = first
      while let token = try answer.advance(logits) {
        guard answer.tokens.count < limit, prompt.count + answer.tokens.count <= runner.contextLength else { break }
        try await pause()
        logits = try self.logits([token], of: sequence)
      }
      window.tokens = answer.tokens
      window.text = try rules.text(answer.tokens, tokenizer)
      (window.temperature, window.averageLogProbability) = (temperature, answer.averageLogProbability)
      window.compressionRatio = compressionRatio(window.text.trimmed)
      if !window.fails(options) { break }
    }
    return window
  }

  /// The token of the language that is spoken in a window; nil where the model knows none.
  func language(of features: [Float], _ rules: SpeechTokens) async throws -> Int? {
    let runner = try model().runner
    try await takeTurn()
    defer { endTurn() }
    let sequence = runner.cache.makeSequence()
    defer { sequence.close() }
    _ = try withRoom(makeRoom) { try runner.runSource(features: features, of: sequence) }
    try await pause()
    let logits = try logits([rules.start], of: sequence)
    return rules.languages.map(\.token).max { logits[$0] < logits[$1] }
  }

  /// Others go on between two steps.
  private func pause() async throws {
    try Task.checkCancellation()
    await letOthersGo()
  }

  /// Runs tokens: the logits behind the last.
  private func logits(_ tokens: [Int], of sequence: KVSequence) throws -> [Float] {
    let runner = try model().runner
    return try withRoom(makeRoom) {
      try runner.logits(
        runner.run(Batch([.init(sequence: sequence, tokens: tokens, outputs: .last)])), rows: 0..<1)
    }
  }
}
