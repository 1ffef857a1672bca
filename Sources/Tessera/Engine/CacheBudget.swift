import TesseraMemory

/// The blocks of a cache, as the scheduler asks for them.
struct CacheBudget: BlockBudget {
  let total: [Int]
  let free: [Int]
  private let cache: KVCache
  private let stepTokens: Int
  private let requests: [SequenceID: Request]
  private let waiting: Set<SequenceID>

  /// - Parameters:
  ///   - waiting: requests whose blocks count as free.
  ///   - kept: sequences that give way too.
  init(
    _ cache: KVCache, _ stepTokens: Int, _ requests: [SequenceID: Request], waiting: [SequenceID], kept: [KVSequence]
  ) {
    self.cache = cache
    self.stepTokens = stepTokens
    self.requests = requests
    self.waiting = Set(waiting)
    total = cache.blockCounts
    let yielding = kept + waiting.compactMap { requests[$0]?.sequence }
    free = yielding.reduce(cache.layout.groups.indices.map { cache.freeBlockCount(group: $0) }) {
      zip($0, $1.ownBlocks).map { $0 + $1 }
    }
  }

  func missing(_ id: SequenceID, tokens: Int) -> [Int] {
    guard let sequence = requests[id]?.sequence, !waiting.contains(id) else { return needed(id, tokens: tokens) }
    let missing = sequence.missingBlocks(for: tokens, stepTokens: stepTokens)
    return sequence.filledRows > 0 ? missing : zip(missing, sourceBlocks(id)).map { $0 + $1 }
  }

  func released(by id: SequenceID) -> [Int] {
    guard let sequence = requests[id]?.sequence, !waiting.contains(id) else { return total.map { _ in 0 } }
    return sequence.ownBlocks
  }

  func needed(_ id: SequenceID, tokens: Int) -> [Int] {
    zip(cache.layout.mostBlocks(tokens: tokens, stepTokens: stepTokens), sourceBlocks(id)).map { $0 + $1 }
  }

  /// Blocks of the groups that an encoder-decoder's source fills.
  private func sourceBlocks(_ id: SequenceID) -> [Int] {
    cache.layout.groups.map { group in
      guard case .fixed = group.kind else { return 0 }
      return group.blockCount(rows: requests[id]?.source?.count ?? 0)
    }
  }
}
