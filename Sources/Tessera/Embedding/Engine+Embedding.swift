import Synchronization
import TesseraMemory
import TesseraModels

extension Engine {
  /// A vector for each text: its hidden states pooled, on the host and in the order of the tokens, so that what runs
  /// beside a text changes nothing of it.
  func pooled(_ texts: [[Int]], _ pooling: Embedder.Pooling) async throws -> [[Float]] {
    let runner = try model().runner
    var vectors: [[Float]] = []
    while vectors.count < texts.count {
      try Task.checkCancellation()
      let rest = texts[vectors.count...]
      if runner.isEncoder {
        vectors += try withRunner { try Self.encoded(Self.fitting(rest, $0), pooling, $0) }
      } else {
        vectors.append(try await decoded(rest.first ?? [], pooling))
      }
      await Task.yield()
    }
    return vectors
  }

  /// The first texts that fit one step of an encoder, at least one.
  private static func fitting(_ texts: ArraySlice<[Int]>, _ runner: ModelRunner) -> ArraySlice<[Int]> {
    var tokens = 0
    var blocks = runner.cache.blockCounts
    let groups = runner.cache.layout.groups
    let count = texts.prefix { text in
      tokens += text.count
      for index in groups.indices { blocks[index] -= groups[index].blockCount(rows: text.count) }
      return tokens <= runner.chunkSize && blocks.allSatisfy { $0 >= 0 }
    }.count
    return texts.prefix(max(1, count))
  }

  /// Texts that an encoder reads together.
  private static func encoded(_ texts: ArraySlice<[Int]>, _ pooling: Embedder.Pooling, _ runner: ModelRunner) throws
    -> [[Float]]
  {
    let sequences = texts.map { _ in runner.cache.makeSequence() }
    defer { for sequence in sequences { sequence.close() } }
    let chunks = zip(sequences, texts).map { Batch.Chunk(sequence: $0, tokens: $1, outputs: .all) }
    let states = try runner.hidden(runner.run(Batch(chunks), wantsLogits: false))
    let size = runner.profile.hiddenSize
    var row = 0
    return texts.map { text in
      var pool = Pool(pooling, size: size)
      pool.add(states[row * size..<(row + text.count) * size])
      row += text.count
      return pool.vector
    }
  }

  /// One text that a decoder reads chunk by chunk, or an encoder-decoder's encoder.
  private func decoded(_ text: [Int], _ pooling: Embedder.Pooling) async throws -> [Float] {
    let runner = try model().runner
    let pool = Mutex(Pool(pooling, size: runner.profile.hiddenSize))
    if runner.takesSource {
      let states = try await sourceStates(text)
      pool.withLock { $0.add(states[...]) }
    } else {
      try await rows(tokens: text) { runner, result in
        let states = try runner.hidden(result)
        pool.withLock { $0.add(states[...]) }
      }
    }
    return pool.withLock { $0.vector }
  }
}

/// Hidden states on their way to one vector.
private struct Pool {
  private let pooling: Embedder.Pooling
  private let size: Int
  private var sum: [Double]
  private var count = 0

  init(_ pooling: Embedder.Pooling, size: Int) {
    (self.pooling, self.size) = (pooling, size)
    sum = [Double](repeating: 0, count: size)
  }

  /// Adds the next rows.
  mutating func add(_ rows: ArraySlice<Float>) {
    for first in stride(from: rows.startIndex, to: rows.endIndex, by: size) {
      defer { count += 1 }
      switch pooling {
      case .mean: for column in 0..<size { sum[column] += Double(rows[first + column]) }
      case .cls where count > 0: break
      case .cls, .last: for column in 0..<size { sum[column] = Double(rows[first + column]) }
      }
    }
  }

  var vector: [Float] {
    sum.map { Float(pooling == .mean ? $0 / Double(max(1, count)) : $0) }
  }
}
