import TesseraMemory
import TesseraModels

extension Engine {
  /// Runs a sequence of its own, chunk by chunk; requests go on between two of them.
  ///
  /// - Parameter body: given what each chunk gave.
  func rows(
    tokens: [Int], source: [Int]? = nil, tokenTypes: [Int]? = nil, chunk: Int? = nil,
    _ body: @Sendable (ModelRunner, ModelRunner.StepResult) throws -> Void
  ) async throws {
    guard !tokens.isEmpty else { throw TesseraError(.emptyPrompt, "no tokens: give at least one") }
    let (sequence, size) = try withRunner { runner in
      guard tokens.count <= runner.contextLength else {
        throw TesseraError(
          .contextFull,
          "\(tokens.count) tokens do not fit the context of \(runner.contextLength): load with a longer context "
            + "(--context, the model was trained for \(runner.profile.contextLength))")
      }
      if runner.profile.decoderStartToken != nil, source?.isEmpty != false {
        throw TesseraError(
          .emptyPrompt, "the model is an encoder-decoder: give it a source (--source-tokens) of at least one token")
      }
      let sequence = runner.cache.makeSequence()
      do { if let source { _ = try runner.runSource(source, of: sequence) } } catch {
        sequence.close()
        throw error
      }
      // An encoder reads everything at once.
      return (sequence, runner.isEncoder ? tokens.count : min(chunk ?? .max, runner.chunkSize))
    }
    defer {
      sequence.close()
      // Requests may wait for the blocks.
      start()
    }
    for start in stride(from: 0, to: tokens.count, by: size) {
      try Task.checkCancellation()
      let end = min(start + size, tokens.count)
      try withRunner { runner in
        let chunk = Batch.Chunk(
          sequence: sequence, tokens: Array(tokens[start..<end]), tokenTypes: tokenTypes.map { Array($0[start..<end]) },
          outputs: .all)
        try body(runner, runner.run(Batch([chunk]), wantsLogits: false))
      }
      await Task.yield()
    }
  }

  /// The hidden states that an encoder-decoder's encoder gives a source, (tokens, hiddenSize).
  func sourceStates(_ source: [Int]) throws -> [Float] {
    guard !source.isEmpty else { throw TesseraError(.emptyPrompt, "no source tokens: give at least one") }
    return try withRunner { runner in
      let sequence = runner.cache.makeSequence()
      defer { sequence.close() }
      return try runner.hidden(runner.runSource(source, of: sequence))
    }
  }

  /// See `LanguageModel.measure`.
  func measure(promptTokens: Int, generatedTokens: Int, depth: Int, sequences count: Int) async throws -> (
    prompt: Double, generation: Double, waited: Double
  ) {
    let sequences = try withRunner { runner in (0..<max(1, count)).map { _ in runner.cache.makeSequence() } }
    defer {
      for sequence in sequences { sequence.close() }
      start()
    }
    func run(_ count: Int, chunk: Int, of sequences: [KVSequence]) throws -> Double {
      let start = ContinuousClock.now
      for first in stride(from: 0, to: count, by: chunk) {
        try Task.checkCancellation()
        // Any ids do: the work does not depend on them.
        try runAndSample(
          sequences.enumerated().map { index, sequence in
            (sequence, (first..<min(first + chunk, count)).map { $0 * 7919 + index + 1 })
          })
      }
      return (ContinuousClock.now - start).seconds
    }
    let chunk = try withRunner { $0.chunkSize }
    for sequence in sequences { _ = try run(depth, chunk: chunk, of: [sequence]) }
    let before = try withRunner { $0.timeWaited }
    let prompt = try sequences.reduce(0) { try $0 + run(promptTokens, chunk: chunk, of: [$1]) }
    let generation = try run(generatedTokens, chunk: 1, of: sequences)
    return (prompt, generation, (try withRunner { $0.timeWaited } - before).seconds)
  }
}
