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
  ///
  /// - Parameter isProven: whether the choice behind them was seen to be finite; else they go again if it is not.
  func save(_ ids: [SequenceID], isProven: Bool, _ model: Loaded) {
    guard let tiers = model.tiers else { return }
    var named: [KVNamedBlock] = []
    for id in ids {
      let new = (requests[id]?.sequence.takeNamed() ?? []).filter { !tiers.store.contains($0.name) }
      if isProven { requests[id]?.unproven = [] } else { requests[id]?.unproven += new.map(\.name) }
      named += new
    }
    store(named, model)
  }

  /// Copies blocks to the stores, where these lack them.
  ///
  /// - Returns: the names of those that have gone there
  @discardableResult
  func store(_ named: [KVNamedBlock], _ model: Loaded) -> [KVBlockKey] {
    guard let tiers = model.tiers else { return [] }
    let named = named.filter { !tiers.store.contains($0.name) }
    guard !named.isEmpty else { return [] }
    do {
      // A step that still runs is no part of the copy.
      try model.runner.finish()
      let start = ContinuousClock.now
      let groups = model.runner.cache.layout.groups
      var bytes = Array(repeating: [UInt8](), count: named.count)
      for (index, group) in groups.enumerated() {
        let blocks = named.compactMap { $0.blocks[index] }
        let all = try model.runner.read(blocks, group: index)
        guard blocks.count == named.count else { return [] }
        for place in named.indices {
          bytes[place] += all[place * group.bytesPerBlock..<(place + 1) * group.bytesPerBlock]
        }
      }
      preemption.costs.didCopy(bytes: bytes.reduce(0) { $0 + $1.count }, seconds: (.now - start).seconds)
      for (block, bytes) in zip(named, bytes) { tiers.store.store(block.name, parent: block.parent, bytes) }
      return named.map(\.name)
    } catch {
      // They are on the device, and will be computed again where they are not.
      return []
    }
  }

  /// Has nobody share what a sequence has computed that a fault was seen in.
  ///
  /// - Parameter unproven: what it has put into the stores, or has from there, and that nobody knows to be right: it goes again.
  func distrust(_ sequence: KVSequence, _ unproven: [KVBlockKey]) {
    sequence.unname()
    if !unproven.isEmpty { loaded?.tiers?.store.remove(unproven) }
  }

  /// Tells the stores that blocks of a request are in use, so that they stay there too: as it begins and as it ends.
  func touch(_ id: SequenceID) {
    guard let tiers = loaded?.tiers, let request = requests[id], let chain = request.chain else { return }
    let names = chain.names.prefix(request.sequence.tokenCount / chain.blockSize)
    if !names.isEmpty { tiers.store.touch(Array(names)) }
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
    // Those that have something of the stores, or wait for it, and the bytes that others have room for.
    var (inLine, room) = (0, tiers.loadLimit - workBytes)
    for entry in first {
      guard let request = requests[entry.id], request.chain != nil else { continue }
      if request.fetch.isDone {
        guard !request.fetch.blocks.isEmpty else { continue }
        inLine += 1
        let bytes = request.fetch.blocks.count * tiers.blockBytes
        // Others have come to be before it.
        if inLine > Self.mostLoaded || bytes > room { requests[entry.id]?.fetch = .wanted } else { room -= bytes }
        continue
      }
      guard request.swap == nil else {
        requests[entry.id]?.fetch = .done([:])
        continue
      }
      if request.fetch.isLoading || request.fetch.isWanted && (isLoading || inLine >= Self.mostLoaded) {
        inLine += 1
        room -= request.fetch.loadingBytes
        continue
      }
      // What another is computing is there soon.
      if budget.isAwaiting(entry.id, from: scheduler.running) { continue }
      let names = request.shareableNames
      guard let numbers = missing(of: names, chain.blockSize, tiers, model) else {
        requests[entry.id]?.fetch = .done([:])
        continue
      }
      let bytes = numbers.count * tiers.blockBytes
      inLine += 1
      let isNext = !isLoading && inLine <= Self.mostLoaded && bytes <= room
      requests[entry.id]?.fetch = isNext ? .loading(bytes) : .wanted
      guard isNext else { continue }
      isLoading = true
      room -= bytes
      load(numbers.map { ($0, names[$0]) }, for: entry.id, tiers)
    }
  }

  /// The numbers of the blocks with these names that the stores have and the device lacks; nil where loading them gains nothing.
  func missing(of names: [KVBlockKey], _ blockSize: Int, _ tiers: PrefixTiers, _ model: Loaded) -> [Int]? {
    let cache = model.runner.cache
    let known = cache.prefix(of: names).tokenCount
    let stored = cache.prefix(of: names) { tiers.store.contains(names[$0]) }.tokenCount
    let numbers = cache.missingBlocks(of: Array(names.prefix(stored / blockSize)))
    guard stored > known, isWorthLoading(numbers.count * tiers.blockBytes, tokens: stored - known) else { return nil }
    return numbers
  }

  private func load(
    _ names: [(number: Int, name: KVBlockKey)], for id: SequenceID, _ tiers: PrefixTiers
  ) {
    Task {
      let (blocks, seconds) = await tiers.load(names)
      loading.didCopy(bytes: blocks.count * tiers.blockBytes, seconds: seconds)
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
    requests[id]?.unproven += used.map { names[$0] }
    let tiers = used.compactMap { blocks[$0]?.tier }
    requests[id]?.didCache(
      count, host: tiers.count { $0 == .host } * chain.blockSize, disk: tiers.count { $0 == .disk } * chain.blockSize)
    return count
  }
}
