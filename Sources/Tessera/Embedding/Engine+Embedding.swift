import Synchronization
import TesseraMemory
import TesseraModels

extension Engine {
  /// A vector for each text: its hidden states pooled, on the host and in the order of the tokens, so that what runs
  /// beside a text changes nothing of it.
  ///
  /// - Parameter skipping: tokens in front of each text that are not pooled.
  func pooled(
    _ texts: [TypedTokens], _ pooling: Embedder.Pooling, skipping skipped: Int = 0, adapter name: String? = nil
  ) async throws -> [[Float]] {
    let runner = try model().runner
    let adapter = try runner.adapter(named: name)
    var vectors: [[Float]] = []
    while vectors.count < texts.count {
      try Task.checkCancellation()
      let rest = texts[vectors.count...]
      if runner.isEncoder {
        vectors += try withRunner { runner in
          let texts = Self.fitting(rest, runner)
          let states = try Self.states(texts, runner, adapter: adapter)
          return zip(texts, states).map { text, states in
            var pool = Pool(pooling, size: runner.profile.hiddenSize, skipping: min(skipped, text.ids.count - 1))
            pool.add(states)
            return pool.vector
          }
        }
      } else if let text = rest.first {
        vectors.append(try await decoded(text.ids, pooling, skipping: skipped, adapter: name))
      }
      await letOthersGo()
    }
    return vectors
  }

  /// The first texts that fit one step of an encoder, at least one.
  static func fitting(_ texts: ArraySlice<TypedTokens>, _ runner: ModelRunner) -> ArraySlice<TypedTokens> {
    var tokens = 0
    var blocks = runner.cache.blockCounts
    let groups = runner.cache.layout.groups
    let count = texts.prefix { text in
      tokens += text.ids.count
      for index in groups.indices { blocks[index] -= groups[index].blockCount(rows: text.ids.count) }
      return tokens <= runner.chunkSize && blocks.allSatisfy { $0 >= 0 }
    }.count
    return texts.prefix(max(1, count))
  }

  /// The hidden states of texts that an encoder reads together.
  static func states(_ texts: ArraySlice<TypedTokens>, _ runner: ModelRunner, adapter: Int? = nil) throws
    -> [ArraySlice<Float>]
  {
    let sequences = texts.map { _ in runner.cache.makeSequence(adapter: adapter) }
    defer { for sequence in sequences { sequence.close() } }
    let chunks = zip(sequences, texts).map {
      Batch.Chunk(sequence: $0, tokens: $1.ids, tokenTypes: $1.types, outputs: .all)
    }
    let states = try runner.hidden(runner.run(Batch(chunks), wantsLogits: false))
    var first = 0
    return texts.map { text in
      defer { first += text.ids.count * runner.profile.hiddenSize }
      return states[first..<first + text.ids.count * runner.profile.hiddenSize]
    }
  }

  /// One text that a decoder reads chunk by chunk, or an encoder-decoder's encoder.
  private func decoded(
    _ text: [Int], _ pooling: Embedder.Pooling, skipping skipped: Int, adapter: String?
  ) async throws -> [Float] {
    let runner = try model().runner
    let pool = Mutex(Pool(pooling, size: runner.profile.hiddenSize, skipping: min(skipped, text.count - 1)))
    if runner.takesSource {
      let states = try await sourceStates(text, adapter: adapter)
      pool.withLock { $0.add(states[...]) }
    } else {
      try await rows(tokens: text, adapter: adapter) { runner, result, _ in
        let states = try runner.hidden(result)
        pool.withLock { $0.add(states[...]) }
        return .unseen
      }
    }
    return pool.withLock { $0.vector }
  }
}

/// Token ids, with the segment of each where a model tells segments apart.
struct TypedTokens: Sendable {
  var ids: [Int]
  var types: [Int]?
}
