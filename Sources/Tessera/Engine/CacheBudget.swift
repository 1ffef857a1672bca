import TesseraMemory

/// The blocks of a cache, as the scheduler asks for them.
struct CacheBudget: BlockBudget {
  let total: [Int]
  let free: [Int]
  private let cache: KVCache
  private let stepTokens: Int
  private let requests: [SequenceID: Request]
  private let waiting: Set<SequenceID>
  /// Whether waiting requests have their blocks looked for in stores.
  private let isTiered: Bool

  /// - Parameter waiting: requests that have no blocks.
  init(
    _ cache: KVCache, _ stepTokens: Int, _ requests: [SequenceID: Request], waiting: [SequenceID],
    isTiered: Bool = false
  ) {
    self.isTiered = isTiered
    self.cache = cache
    self.stepTokens = stepTokens
    self.requests = requests
    self.waiting = Set(waiting)
    total = cache.blockCounts
    free = cache.layout.groups.indices.map { cache.freeBlockCount(group: $0) }
  }

  func missing(_ id: SequenceID, tokens: Int) -> [Int] {
    guard let sequence = requests[id]?.sequence, !waiting.contains(id) else {
      return zip(needed(id, tokens: tokens), prefix(of: id).usedBlocks).map { max(0, $0 - $1) }
    }
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

  func cached(_ id: SequenceID) -> Int { requests[id]?.swap?.tokenCount ?? prefix(of: id).tokenCount }

  func awaited(by id: SequenceID, from running: [Scheduler.Entry]) -> AwaitedTokens? {
    if isTiered, waiting.contains(id), requests[id]?.chain != nil, requests[id]?.fetch.isDone == false {
      return .stored
    }
    // What was admitted just now has not even taken what there is.
    let computing = running.filter { $0.pending > 1 || waiting.contains($0.id) }
    guard let chain = requests[id]?.chain, requests[id]?.swap == nil, !computing.isEmpty else { return nil }
    // The first block that the cache lacks.
    let index = cached(id) / chain.blockSize
    guard index < requests[id]?.shareableNames.count ?? 0 else { return nil }
    let computer = computing.first { entry in
      guard entry.done < (index + 1) * chain.blockSize || waiting.contains(entry.id),
        let others = requests[entry.id]?.chain?.names
      else { return false }
      return others.indices.contains(index) && others[index] == chain.names[index]
    }
    return computer.map { .computed(by: $0.id) }
  }

  private func prefix(of id: SequenceID) -> KVPrefix {
    let loaded = requests[id]?.fetch.blocks ?? [:]
    return cache.prefix(of: requests[id]?.shareableNames ?? []) { loaded[$0] != nil }
  }

  /// Blocks of the groups that an encoder-decoder's source fills.
  private func sourceBlocks(_ id: SequenceID) -> [Int] {
    cache.layout.groups.map { group in
      guard case .fixed = group.kind else { return 0 }
      return group.blockCount(rows: requests[id]?.source?.count ?? 0)
    }
  }
}
