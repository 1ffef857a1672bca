import TesseraMemory
import TesseraModels
import TesseraOperators

extension Engine {
  /// See `LanguageModel.measure`, and `LanguageModel.expertReads` where experts are counted.
  func measure(
    promptTokens: Int, generatedTokens: Int, depth: Int, sequences count: Int, adapter name: String? = nil,
    countsExperts: Bool = false
  ) async throws -> (prompt: Double, generation: Double, waited: Double, experts: ExpertReads) {
    try await takeTurn()
    defer { endTurn() }
    let runner = try model().runner
    let adapter = try runner.adapter(named: name)
    let sequences = (0..<count).map { _ in runner.cache.makeSequence(adapter: adapter) }
    defer { for sequence in sequences { sequence.close() } }
    if runner.takesSource {
      // The decoder has something to look at: as much as the prompt, else as what is generated.
      let source = tokens(0..<(promptTokens > 0 ? promptTokens : max(1, generatedTokens)), of: 0, runner)
      for sequence in sequences {
        _ = try withRoom(makeRoom) { try runner.runSource(source, of: sequence) }
        await letOthersGo()
      }
    }
    for sequence in sequences { try await run(depth, chunk: runner.chunkSize, of: [sequence]) }
    runner.watchesExperts = countsExperts
    defer { runner.watchesExperts = false }
    let readsBefore = runner.expertReads
    let (start, before) = (ContinuousClock.now, runner.timeWaited)
    for sequence in sequences { try await run(promptTokens, chunk: runner.chunkSize, of: [sequence]) }
    let middle = ContinuousClock.now
    for first in stride(from: 0, to: sequences.count, by: runner.chunkSize) {
      let together = sequences[first..<min(first + runner.chunkSize, sequences.count)]
      try await run(generatedTokens, chunk: 1, of: Array(together))
    }
    return (
      (middle - start).seconds, (ContinuousClock.now - middle).seconds, (runner.timeWaited - before).seconds,
      runner.expertReads.since(readsBefore)
    )
  }

  /// What experts in host memory have cost since the last call.
  func takeExpertStatistics() throws -> ExpertStatistics? {
    let runner = try model().runner
    defer { runner.resetExperts() }
    return runner.expertStatistics
  }

  /// Runs `count` more tokens of each sequence in steps of `chunk`, and chooses the likeliest token behind each.
  private func run(_ count: Int, chunk: Int, of sequences: [KVSequence]) async throws {
    let model = try model()
    let (runner, rows) = (model.runner, model.runner.logitRows)
    // Requests may have choices of theirs to read between two steps.
    let sampler = try runner.isLaunched && sequences.count <= rows ? BatchSampler(runner) : nil
    var last: BatchSampler.Pending?
    for first in stride(from: 0, to: count, by: chunk) {
      try Task.checkCancellation()
      let batch = Batch(
        sequences.enumerated().map { index, sequence in
          .init(sequence: sequence, tokens: tokens(first..<min(first + chunk, count), of: index, runner))
        })
      let result = try withRoom(makeRoom) {
        try runner.run(batch, wantsLogits: sequences.count <= rows, feeding: chunk == 1 ? last?.results : nil)
      }
      if let sampler {
        // As generations do: the host reads a choice while the step behind it runs.
        let next = try sampler.enqueue(Array(repeating: SamplingRow(), count: sequences.count), of: result)
        _ = try last?.values()
        last = next
        await letOthersGo()
        continue
      }
      for first in stride(from: 0, to: sequences.count, by: rows) {
        let rows = Array(repeating: SamplingRow(), count: min(rows, sequences.count - first))
        _ = try model.sampler.sample(rows, of: result, from: first)
      }
      // Requests go on meanwhile.
      await letOthersGo()
    }
    _ = try last?.values()
  }

  /// Any ids do: the work does not depend on them.
  private func tokens(_ range: Range<Int>, of sequence: Int, _ runner: ModelRunner) -> [Int] {
    range.map { ($0 * 7919 + sequence + 1) % runner.profile.vocabularySize }
  }
}
