import Synchronization

/// Blocks in the host's memory, in front of another store.
///
/// What is stored goes to the next store at once too, so that it survives the process; what the next one then did not take is
/// offered to it again when it has to go here. A block that only the next one has comes back here when it is loaded.
package final class HostBlockStore: KVBlockStore {
  fileprivate struct State {
    var blocks: [KVBlockKey: KVStoredBlock] = [:]
    var order = KVEvictionOrder()
    var clock = 0
    /// The last block of a chain for which there was no room: what follows it has none either.
    var refused: KVBlockKey?
    var statistics = KVStoreStatistics()
  }

  /// What a block takes beside its bytes: its places in three tables that are half empty, and its array's head.
  static let overhead = 512

  private let next: (any KVBlockStore)?
  private let state: Mutex<State>

  /// - Parameters:
  ///   - byteLimit: what the blocks may take together, with what is kept beside them.
  ///   - next: the store behind; nil where there is none.
  package init(byteLimit: Int, next: (any KVBlockStore)?) {
    self.next = next
    var state = State()
    state.statistics.byteLimit = max(byteLimit, 0)
    self.state = Mutex(state)
  }

  package func contains(_ key: KVBlockKey) -> Bool {
    state.withLock { $0.blocks[key] != nil } || next?.contains(key) == true
  }

  package func load(_ key: KVBlockKey) -> KVStoredBlock? {
    let own = state.withLock { state in
      guard let block = state.blocks[key] else {
        state.statistics.misses += 1
        return KVStoredBlock?.none
      }
      state.statistics.hits += 1
      state.use(key)
      return block
    }
    if let own { return own }
    guard let block = next?.load(key) else { return nil }
    keep(key, KVStoredBlock(parent: block.parent, bytes: block.bytes, tier: .host))
    return block
  }

  package func store(_ key: KVBlockKey, parent: KVBlockKey?, _ bytes: [UInt8]) {
    next?.store(key, parent: parent, bytes)
    keep(key, KVStoredBlock(parent: parent, bytes: bytes, tier: .host))
  }

  package func touch(_ keys: [KVBlockKey]) {
    state.withLock { state in
      for key in keys { state.use(key) }
    }
    next?.touch(keys)
  }

  package func remove(_ keys: [KVBlockKey]) {
    state.withLock { state in
      for key in keys { state.remove(key) }
    }
    next?.remove(keys)
  }

  package func flush() { next?.flush() }

  package var statistics: KVStoreStatistics { state.withLock { $0.statistics } }

  private func keep(_ key: KVBlockKey, _ block: KVStoredBlock) {
    let evicted = state.withLock { $0.keep(key, block) }
    // Outside the lock: the next one has its own.
    guard let next else { return }
    for (key, block) in evicted where !next.contains(key) { next.store(key, parent: block.parent, block.bytes) }
  }
}

extension HostBlockStore.State {
  mutating func use(_ key: KVBlockKey) {
    clock += 1
    order.use(key, time: clock)
  }

  mutating func remove(_ key: KVBlockKey) {
    guard let block = blocks.removeValue(forKey: key) else { return }
    order.remove(key)
    statistics.bytes -= Self.size(block)
    statistics.entries = blocks.count
  }

  /// Takes a block in; the result went for it.
  mutating func keep(_ key: KVBlockKey, _ block: KVStoredBlock) -> [(KVBlockKey, KVStoredBlock)] {
    guard blocks[key] == nil else {
      use(key)
      return []
    }
    let size = Self.size(block)
    guard size <= statistics.byteLimit, block.parent == nil || block.parent != refused else {
      refused = key
      statistics.dropped += 1
      return []
    }
    // Before others go: the block before it in its chain is then no tail, and a chain that is too long loses its end.
    clock += 1
    blocks[key] = block
    order.insert(key, parent: block.parent, time: clock)
    statistics.bytes += size
    var evicted: [(KVBlockKey, KVStoredBlock)] = []
    while statistics.bytes > statistics.byteLimit, let first = order.removeFirst() {
      guard let old = blocks.removeValue(forKey: first) else { continue }
      statistics.bytes -= Self.size(old)
      statistics.evictions += 1
      evicted.append((first, old))
      if first == key { refused = key }
    }
    if refused == key, blocks[key] != nil { refused = nil }
    statistics.entries = blocks.count
    return evicted
  }

  /// What a block takes: with room that its array has in vain, but for the few bytes of rounding that `overhead` covers.
  private static func size(_ block: KVStoredBlock) -> Int {
    let (count, capacity) = (block.bytes.count, block.bytes.capacity)
    return (capacity - count < 128 ? count : capacity) + HostBlockStore.overhead
  }
}
