import TesseraMemory

/// What a model's engine does now, and has done since it was loaded.
public struct EngineStatistics: Sendable, Codable, Equatable {
  /// Blocks of a group of layers.
  public struct Blocks: Sendable, Codable, Equatable {
    public var total = 0
    /// Those that requests use.
    public var used = 0
    /// Those whose contents may be used again; the ones that nobody uses count as free.
    public var named = 0
  }

  /// A store behind the device.
  public struct Store: Sendable, Codable, Equatable {
    public var entries = 0
    public var bytes = 0
    public var byteLimit = 0
    public var hits = 0
    public var misses = 0
    public var evictions = 0
    /// Blocks that were not kept, for want of room or of time.
    public var dropped = 0
    public var errors = 0
  }

  public var runningRequests = 0
  public var waitingRequests = 0
  /// The cache's groups of layers.
  public var blocks: [Blocks] = []
  /// Tokens of prompts that have had their turn.
  public var promptTokens = 0
  /// Of these, those that the device had, that came from host memory, and from the disk.
  public var deviceHitTokens = 0
  public var hostHitTokens = 0
  public var diskHitTokens = 0
  public var generatedTokens = 0
  /// How often a request gave up its blocks and they were copied to host memory, or are computed anew.
  public var swaps = 0
  public var recomputations = 0
  /// Host memory that swapped blocks take now.
  public var swappedBytes = 0
  /// Nil where there is no such store.
  public var hostCache: Store?
  public var diskCache: Store?
}

extension LanguageModel {
  /// What the engine does now, and has done so far.
  public func engineStatistics() async -> EngineStatistics { await engine.statistics() }
}

extension Engine {
  /// What requests have had so far.
  struct Totals: Sendable {
    private(set) var promptTokens = 0
    private(set) var cached = (device: 0, host: 0, disk: 0)
    var generatedTokens = 0

    /// Counts a request that has its first turn.
    mutating func begin(_ statistics: GenerationStatistics) {
      let (host, disk) = (statistics.cachedHostTokens, statistics.cachedDiskTokens)
      promptTokens += statistics.promptTokens
      cached.device += statistics.cachedPromptTokens - host - disk
      cached.host += host
      cached.disk += disk
    }
  }

  func statistics() -> EngineStatistics {
    var result = EngineStatistics()
    (result.runningRequests, result.waitingRequests) = (scheduler.running.count, scheduler.waiting.count)
    (result.promptTokens, result.generatedTokens) = (totals.promptTokens, totals.generatedTokens)
    (result.deviceHitTokens, result.hostHitTokens, result.diskHitTokens) = totals.cached
    result.swaps = preemption.counts[.swap] ?? 0
    result.recomputations = preemption.counts[.recompute] ?? 0
    result.swappedBytes = preemption.swappedBytes
    guard let loaded else { return result }
    let cache = loaded.runner.cache
    result.blocks = cache.blockCounts.enumerated().map { index, total in
      .init(
        total: total, used: total - cache.freeBlockCount(group: index), named: cache.namedBlockCount(group: index))
    }
    result.hostCache = loaded.tiers?.host.map { .init($0.statistics) }
    result.diskCache = loaded.tiers?.disk.map { .init($0.statistics) }
    return result
  }
}

extension EngineStatistics.Store {
  init(_ statistics: KVStoreStatistics) {
    (entries, bytes, byteLimit) = (statistics.entries, statistics.bytes, statistics.byteLimit)
    (hits, misses, evictions) = (statistics.hits, statistics.misses, statistics.evictions)
    (dropped, errors) = (statistics.dropped, statistics.errors)
  }
}
