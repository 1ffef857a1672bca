import TesseraMemory
import TesseraModels

extension Engine {
  /// Follows the likeliest answers of a prompt, each in a sequence of its own that shares with the others what they have in
  /// common: of an encoder-decoder's source keys and values are computed once.
  func beams(_ prompt: [Int], source: [Int]?, _ options: BeamSearchOptions) async throws
    -> (answers: [BeamSearch.Finished], statistics: GenerationStatistics)
  {
    let start = ContinuousClock.now
    try options.check()
    let model = try model()
    let (runner, size) = (model.runner, model.runner.profile.vocabularySize)
    guard !runner.isEncoder else { throw TesseraError.generatesNothing(runner.profile) }
    guard !prompt.isEmpty else { throw TesseraError(.emptyPrompt, "the prompt is empty: give at least one token") }
    guard prompt.count <= runner.contextLength else { throw contextFull(prompt.count, runner) }
    guard options.width <= runner.chunkSize else {
      throw TesseraError(
        .badOption, "\(options.width) beams: at most \(runner.chunkSize) tokens run together; use a longer --context")
    }
    try runner.check(prompt, source: source)
    // The last token is not run.
    let room = runner.contextLength - prompt.count + 1
    let mask = model.tokenMask ?? []
    let banned = mask.isEmpty ? [] : (0..<size).filter { mask[$0 / 32] >> UInt32($0 % 32) & 1 == 0 }
    let limit = min(options.maxTokens ?? room, room)
    var search = BeamSearch(
      prompt, options: options, maxCount: limit,
      forced: try model.rules.forced(options.firstTokens, behind: prompt, limit: limit, vocabularySize: size),
      ends: options.endTokens ?? model.endTokens, banned: banned)

    try await takeTurn()
    defer { endTurn() }
    // Behind the last token of the prompt logits are wanted.
    let sharing = SharedBeginning(salt: options.cacheSalt, unwanted: prompt.count - 1)
    let adapter = try runner.adapter(named: options.adapter)
    let first = try await makeSequence(prompt, adapter: adapter, sharing: sharing)
    var (sequences, unproven) = ([first.sequence], first.unproven)
    defer { for sequence in sequences { sequence.close() } }
    var statistics = GenerationStatistics()
    (statistics.promptTokens, statistics.loadSeconds) = (prompt.count, model.seconds)
    statistics.cachedPromptTokens = sequences[0].tokenCount
    var firstToken: ContinuousClock.Instant?
    do {
      var rows = try await beginBeams(prompt, source: source, sequences[0])
      while true {
        let parents = try search.advance(rows)
        firstToken = firstToken ?? .now
        // The prompt's blocks, once what is behind them is seen to be finite.
        for sequence in sequences { store(sequence.takeNamed(), model) }
        unproven = []
        guard !search.isOver else { break }
        sequences = try Self.continued(sequences, parents)
        try Task.checkCancellation()
        await letOthersGo()
        let chunks = zip(sequences, search.running).map { sequence, beam in
          Batch.Chunk(sequence: sequence, tokens: Array(beam.tokens.suffix(1)), outputs: .last)
        }
        rows = try logits(of: Batch(chunks))
      }
    } catch {
      if Self.isFault(error) { for sequence in sequences { distrust(sequence, unproven) } }
      throw error
    }
    (statistics.generatedTokens, statistics.peakDeviceBytes) = (search.count, runner.heap.peakBytes)
    statistics.finish(since: start, firstToken: firstToken)
    return (search.finished, statistics)
  }

  /// Reads the source and the prompt: the logits behind its last token.
  private func beginBeams(_ prompt: [Int], source: [Int]?, _ sequence: KVSequence) async throws -> [ArraySlice<Float>] {
    let (runner, begin) = (try model().runner, sequence.tokenCount)
    if let source { _ = try withRoom(makeRoom) { try runner.runSource(source, of: sequence) } }
    let last = begin + (prompt.count - begin - 1) / runner.chunkSize * runner.chunkSize
    for start in stride(from: begin, to: last, by: runner.chunkSize) {
      let tokens = Array(prompt[start..<start + runner.chunkSize])
      _ = try withRoom(makeRoom) {
        try runner.run(Batch([.init(sequence: sequence, tokens: tokens, outputs: .none)]), wantsLogits: false)
      }
      try Task.checkCancellation()
      await letOthersGo()
    }
    return try logits(of: Batch([.init(sequence: sequence, tokens: Array(prompt[last...]), outputs: .last)]))
  }

  /// Runs a batch: the logits of the rows that it wants, row by row.
  private func logits(of batch: Batch) throws -> [ArraySlice<Float>] {
    let runner = try model().runner
    return try withRoom(makeRoom) {
      let result = try runner.run(batch, wantsLogits: batch.outputCount <= runner.logitRows)
      let size = runner.profile.vocabularySize
      return try stride(from: 0, to: result.rowCount, by: runner.logitRows).flatMap { first in
        let count = min(runner.logitRows, result.rowCount - first)
        let logits = try runner.logits(result, rows: first..<first + count)
        return (0..<count).map { logits[$0 * size..<($0 + 1) * size] }
      }
    }
  }

  /// The sequences of the beams that continue others: the first of each takes its parent's, the next ones fork it; who has
  /// none to continue gives its blocks back.
  private static func continued(_ sequences: [KVSequence], _ parents: [Int]) throws -> [KVSequence] {
    var isTaken = [Bool](repeating: false, count: sequences.count)
    var result: [KVSequence] = []
    do {
      for parent in parents {
        result.append(isTaken[parent] ? try sequences[parent].fork() : sequences[parent])
        isTaken[parent] = true
      }
    } catch {
      for sequence in result { sequence.close() }
      throw error
    }
    for (sequence, isTaken) in zip(sequences, isTaken) where !isTaken { sequence.close() }
    return result
  }
}

extension TesseraError {
  static func generatesNothing(_ profile: ModelProfile) -> TesseraError {
    TesseraError(
      .badOption,
      "\(profile.architecture) is an encoder, which generates nothing: use `tessera embed` or `tessera hidden`")
  }
}
