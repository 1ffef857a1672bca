import TesseraMemory
import TesseraModels

/// Work with sequences of its own, beside requests.
extension Engine {
  /// Runs work on the model between two steps.
  func withRunner<T: Sendable>(_ body: @Sendable (ModelRunner) throws -> T) throws -> T {
    let runner = try model().runner
    return try withRoom(makeRoom) { try body(runner) }
  }

  /// Runs a sequence of its own, chunk by chunk; requests go on between two of them.
  ///
  /// - Parameters:
  ///   - sharing: how it begins like others; nil: it shares nothing.
  ///   - body: given what each chunk gave, and the number of its first token; tells what its numbers say.
  func rows(
    tokens: [Int], source: [Int]? = nil, tokenTypes: [Int]? = nil, layers: Int? = nil, chunk: Int? = nil,
    adapter: String? = nil, sharing: SharedBeginning? = nil,
    _ body: @Sendable (ModelRunner, ModelRunner.StepResult, Int) throws -> Soundness
  ) async throws {
    guard !tokens.isEmpty else { throw TesseraError(.emptyPrompt, "no tokens: give at least one") }
    if let tokenTypes, tokenTypes.count != tokens.count {
      throw TesseraError(.badOption, "\(tokenTypes.count) token types for \(tokens.count) tokens: give each one")
    }
    try await takeTurn()
    defer { endTurn() }
    let (index, size) = try withRunner { runner in
      guard tokens.count <= runner.contextLength else {
        throw TesseraError(
          .contextFull,
          "\(tokens.count) tokens do not fit the context of \(runner.contextLength): load with a longer context "
            + "(--context, the model was trained for \(runner.profile.contextLength))")
      }
      try runner.check(tokens, source: source)
      // An encoder reads everything at once.
      let size = runner.isEncoder ? tokens.count : min(chunk ?? .max, runner.chunkSize)
      return (try runner.adapter(named: adapter), size)
    }
    let beginning = try await makeSequence(tokens, adapter: index, sharing: sharing)
    let sequence = beginning.sequence
    // What the stores have of it, and behind which no number was seen to be finite.
    var unproven = beginning.unproven
    defer { sequence.close() }
    if let source { _ = try withRunner { try $0.runSource(source, of: sequence).rowCount } }
    for start in stride(from: sequence.tokenCount, to: tokens.count, by: size) {
      try Task.checkCancellation()
      let end = min(start + size, tokens.count)
      do {
        let soundness = try withRunner { runner in
          let chunk = Batch.Chunk(
            sequence: sequence, tokens: Array(tokens[start..<end]),
            tokenTypes: tokenTypes.map { Array($0[start..<end]) }, outputs: .all)
          return try body(runner, runner.run(Batch([chunk]), wantsLogits: false, layers: layers), start)
        }
        let isFaulty = soundness == .notFinite
        if isFaulty { distrust(sequence, unproven) } else { unproven += store(sequence.takeNamed(), try model()) }
        if soundness != .unseen { unproven = [] }
      } catch {
        if Self.isFault(error) { distrust(sequence, unproven) }
        throw error
      }
      await letOthersGo()
    }
  }

  /// The hidden states that an encoder-decoder's encoder gives a source, (tokens, hiddenSize).
  func sourceStates(_ source: [Int], adapter: String? = nil) async throws -> [Float] {
    guard !source.isEmpty else { throw TesseraError(.emptyPrompt, "no source tokens: give at least one") }
    try await takeTurn()
    defer { endTurn() }
    return try withRunner { runner in
      let sequence = runner.cache.makeSequence(adapter: try runner.adapter(named: adapter))
      defer { sequence.close() }
      return try runner.hidden(runner.runSource(source, of: sequence))
    }
  }
}

extension ModelRunner {
  /// The number of an adapter; nil for none.
  ///
  /// - Throws: `TesseraError.badOption` where none of that name is loaded.
  func adapter(named name: String?) throws(TesseraError) -> Int? {
    guard let name else { return nil }
    if let index = adapters.firstIndex(of: name) { return index }
    throw TesseraError(
      .badOption,
      "no adapter is called \"\(name)\": "
        + (adapters.isEmpty ? "the model was loaded without any" : "there are \(adapters.joined(separator: ", "))"))
  }
}
