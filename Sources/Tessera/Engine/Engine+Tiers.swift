import TesseraMemory
import TesseraModels

extension LanguageModel {
  /// Waits until all that `LoadOptions.diskCache` is to keep is in its folder. For the end of a program: what is not written then is
  /// computed anew the next time.
  public func flushDiskCache() async { await engine.flush() }
}

/// Blocks on their way to the stores behind the device, and back.
extension Engine {
  /// Copies the blocks of requests that have got their names to the stores, where these lack them.
  func save(_ ids: [SequenceID], _ model: Loaded) {
    guard model.tiers != nil else { return }
    store(ids.flatMap { requests[$0]?.sequence.takeNamed() ?? [] }, model)
  }

  /// Copies blocks to the stores, where these lack them.
  func store(_ named: [KVNamedBlock], _ model: Loaded) {
    guard let tiers = model.tiers else { return }
    let named = named.filter { !tiers.store.contains($0.name) }
    guard !named.isEmpty else { return }
    do {
      // A step that still runs is no part of the copy.
      try model.runner.finish()
      let start = ContinuousClock.now
      let groups = model.runner.cache.layout.groups
      var bytes = Array(repeating: [UInt8](), count: named.count)
      for (index, group) in groups.enumerated() {
        let blocks = named.compactMap { $0.blocks[index] }
        let all = try model.runner.read(blocks, group: index)
        guard blocks.count == named.count else { return }
        for place in named.indices {
          bytes[place] += all[place * group.bytesPerBlock..<(place + 1) * group.bytesPerBlock]
        }
      }
      preemption.costs.didCopy(bytes: bytes.reduce(0) { $0 + $1.count }, seconds: (.now - start).seconds)
      for (block, bytes) in zip(named, bytes) { tiers.store.store(block.name, parent: block.parent, bytes) }
    } catch {
      // They are on the device, and will be computed again where they are not.
    }
  }

  /// Not on the engine's thread: steps go on.
  func flush() async {
    guard let tiers = loaded?.tiers else { return }
    try? await tiers.loader.run { [store = tiers.store] in store.flush() }
  }

  /// Waiting requests that may have loaded blocks in the host's memory: those that are next in line.
  private static let mostLoaded = 2

  /// Looks for what the stores have of waiting requests, and begins to load it, one request's at a time, for those that are next.
  func fetch(_ model: Loaded) {
    guard let tiers = model.tiers, let chain = model.prefixes else { return }
    let budget = CacheBudget(model.runner.cache, model.runner.chunkSize, requests, waiting: [])
    let first = scheduler.waiting.prefix(64)
    var isLoading = scheduler.waiting.contains { requests[$0.id]?.fetch.isLoading == true }
    // Those that have something of the stores, or wait for it.
    var inLine = 0
    for entry in first {
      guard let request = requests[entry.id], request.chain != nil else { continue }
      if request.fetch.isDone {
        guard !request.fetch.blocks.isEmpty else { continue }
        inLine += 1
        // Others have come to be before it.
        if inLine > Self.mostLoaded { requests[entry.id]?.fetch = .wanted }
        continue
      }
      guard request.swap == nil else {
        requests[entry.id]?.fetch = .done([:])
        continue
      }
      if request.fetch.isLoading || request.fetch.isWanted && (isLoading || inLine >= Self.mostLoaded) {
        inLine += 1
        continue
      }
      // What another is computing is there soon.
      if budget.isAwaiting(entry.id, from: scheduler.running) { continue }
      let names = request.shareableNames
      guard let missing = missing(of: names, chain.blockSize, tiers, model) else {
        requests[entry.id]?.fetch = .done([:])
        continue
      }
      inLine += 1
      let isNext = !isLoading && inLine <= Self.mostLoaded
      requests[entry.id]?.fetch = isNext ? .loading : .wanted
      guard isNext else { continue }
      isLoading = true
      load(missing.numbers.map { ($0, names[$0]) }, for: entry.id, tiers, byteCount: missing.blockBytes)
    }
  }

  /// The blocks with these names that the stores have and the device lacks, and the bytes of each; nil where loading them gains nothing.
  func missing(
    of names: [KVBlockKey], _ blockSize: Int, _ tiers: PrefixTiers, _ model: Loaded
  ) -> (numbers: [Int], blockBytes: Int)? {
    let cache = model.runner.cache
    let known = cache.prefix(of: names).tokenCount
    let stored = cache.prefix(of: names) { tiers.store.contains(names[$0]) }.tokenCount
    let numbers = cache.missingBlocks(of: Array(names.prefix(stored / blockSize)))
    let blockBytes = cache.layout.groups.reduce(0) { $0 + $1.bytesPerBlock }
    guard stored > known, isWorthLoading(numbers.count * blockBytes, tokens: stored - known) else { return nil }
    return (numbers, blockBytes)
  }

  private func load(
    _ names: [(number: Int, name: KVBlockKey)], for id: SequenceID, _ tiers: PrefixTiers, byteCount: Int
  ) {
    Task {
      let (blocks, seconds) = await tiers.load(names, byteCount: byteCount)
      loading.didCopy(bytes: blocks.count * byteCount, seconds: seconds)
      requests[id]?.fetch = .done(blocks)
      start()
    }
  }

  private func isWorthLoading(_ bytes: Int, tokens: Int) -> Bool {
    guard bytes > 0 else { return false }
    guard !loadsAlways, let compute = preemption.costs.seconds(computing: tokens) else { return true }
    return loading.seconds(copying: bytes) + preemption.costs.seconds(copying: bytes) < compute
  }

  /// Begins a request's sequence with blocks of the device and those that were loaded.
  ///
  /// - Returns: tokens that need not be computed; 0 where none were loaded, and nothing has changed
  func restore(_ id: SequenceID, _ runner: ModelRunner) throws -> Int {
    guard let request = requests[id], let chain = request.chain, !request.fetch.blocks.isEmpty else { return 0 }
    let (blocks, names, sequence) = (request.fetch.blocks, request.shareableNames, request.sequence)
    requests[id]?.fetch = .done([:])
    let count = runner.cache.prefix(of: names) { blocks[$0] != nil }.tokenCount
    guard count > 0 else { return 0 }
    sequence.name(chain.names)
    let used = try runner.restore(sequence, count: count) { blocks[$0]?.bytes }
    let tiers = used.compactMap { blocks[$0]?.tier }
    requests[id]?.didCache(
      count, host: tiers.count { $0 == .host } * chain.blockSize, disk: tiers.count { $0 == .disk } * chain.blockSize)
    return count
  }
}
