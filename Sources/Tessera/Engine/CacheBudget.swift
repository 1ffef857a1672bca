import TesseraMemory

/// The blocks of a cache, as the scheduler asks for them.
struct CacheBudget: BlockBudget {
  let total: [Int]
  let free: [Int]
  private let cache: KVCache
  private let stepTokens: Int
  private let sequences: [SequenceID: KVSequence]

  /// - Parameter kept: sequences that give way, whose blocks count as free.
  init(_ cache: KVCache, _ stepTokens: Int, _ requests: [SequenceID: Request], kept: [KVSequence]) {
    self.cache = cache
    self.stepTokens = stepTokens
    total = cache.blockCounts
    free = kept.reduce(cache.layout.groups.indices.map { cache.freeBlockCount(group: $0) }) {
      zip($0, $1.ownBlocks).map { $0 + $1 }
    }
    sequences = requests.mapValues(\.sequence)
  }

  func missing(_ id: SequenceID, tokens: Int) -> [Int] {
    guard let sequence = sequences[id] else { return needed(tokens: tokens) }
    return sequence.missingBlocks(for: tokens, stepTokens: stepTokens)
  }

  func released(by id: SequenceID) -> [Int] { sequences[id]?.ownBlocks ?? total.map { _ in 0 } }

  func needed(tokens: Int) -> [Int] {
    cache.layout.mostBlocks(tokens: tokens, stepTokens: stepTokens)
  }
}
