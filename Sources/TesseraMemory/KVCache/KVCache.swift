import Synchronization
import TesseraCL

/// The paged key-value cache of one model on one device, for many sequences at once.
///
/// Each group of layers (see ``KVCacheLayout``) has a pool of keys and one of values a layer, and numbers its blocks
/// itself. Pools are allocated at the start, as the memory plan says; blocks go to sequences on demand.
///
/// All work on the cache goes through one in-order queue: then a block that one sequence frees may be handed to the
/// next at once, because its readers were enqueued earlier. Bookkeeping is safe to use from any thread.
///
/// A block is cleared on its first use, so memory that no token was written to reads as 0 and never as a NaN of
/// uninitialized memory. Rows left by an earlier sequence are finite but stale: kernels must mask by token count.
package final class KVCache: Sendable {
  struct State: Sendable {
    /// One a group.
    var pools: [BlockPool]
    var sequences: [Int: SequenceTables] = [:]
    var nextID = 0
    var keepsJournal = false

    mutating func insert(_ tables: SequenceTables) -> Int {
      nextID += 1
      sequences[nextID] = tables
      return nextID
    }
  }

  /// Keys and values of one layer, or of all layers of a transient group.
  private struct Pool: Sendable {
    let keys, values: DeviceAllocation
  }

  /// The groups, and how keys and values lie in their pools.
  package let layout: KVCacheLayout
  /// Blocks of each group.
  package let blockCounts: [Int]
  /// Bytes of all pools.
  package let byteCount: Int
  /// The buffer that all pools lie in, where they fit one.
  package let wholeBuffer: Buffer?

  /// Whether sequences tell which of their blocks got names: set before the first one is made.
  package var keepsJournal: Bool {
    get { state.withLock { $0.keepsJournal } }
    set { state.withLock { $0.keepsJournal = newValue } }
  }

  private let pools: [[Pool]]
  let state: Mutex<State>

  /// Allocates pools of `blockCounts` blocks, one a group, on `heap`: in one buffer where the device allows it, else in one
  /// a group, else in one for each layer's keys or values.
  ///
  /// Throws ``MemoryError`` when a size is absurd or the heap refuses; nothing stays allocated then.
  package init(_ layout: KVCacheLayout, blockCounts: [Int], on heap: DeviceHeap) throws(MemoryError) {
    byteCount = try layout.byteCount(blockCounts: blockCounts)
    self.layout = layout
    self.blockCounts = blockCounts
    var free: [BlockPool] = []
    for count in blockCounts { free.append(try BlockPool(blockCount: count)) }
    state = Mutex(State(pools: free))

    // Sizes of pools are parts of `byteCount`. A slice of a buffer begins where the device can address it.
    func canSlice(_ group: KVGroup, _ count: Int) -> Bool {
      [group.keyBytesPerBlock, group.valueBytesPerBlock].allSatisfy {
        ($0 * count).isMultiple(of: max(1, heap.limits.baseAddressAlignment))
      }
    }
    func slab(_ bytes: Int, _ label: String, if fits: Bool) throws(MemoryError) -> DeviceSlab? {
      fits ? try DeviceSlab(heap, byteCount: bytes, purpose: .kvCache, label: label) : nil
    }
    let whole = try slab(
      byteCount, "the KV cache", if: zip(layout.groups, blockCounts).allSatisfy { canSlice($0, $1) })
    var pools: [[Pool]] = []
    for (index, (group, count)) in zip(layout.groups, blockCounts).enumerated() {
      var part = whole
      if part == nil {
        part = try slab(group.bytesPerBlock * count, "KV group \(index)", if: canSlice(group, count))
      }
      let slab = part
      func pool(_ label: String, _ bytes: Int) throws(MemoryError) -> DeviceAllocation {
        if let slab { return try slab.allocate(byteCount: bytes, label: label) }
        return try heap.allocate(byteCount: bytes, purpose: .kvCache, label: label)
      }
      var layers: [Pool] = []
      for layer in group.layers.prefix(group.poolCount) {
        let keys = try pool("keys of layer \(layer)", group.keyBytesPerBlock * count)
        let values =
          group.geometry.sharesValues
          ? keys : try pool("values of layer \(layer)", group.valueBytesPerBlock * count)
        layers.append(Pool(keys: keys, values: values))
      }
      pools.append(layers)
    }
    wholeBuffer = whole?.buffer
    self.pools = pools
  }

  /// A layer's key pool, in the order of its ``KVGeometry``.
  ///
  /// Throws ``MemoryError`` when there is no such layer.
  package func keys(layer: Int) throws(MemoryError) -> Buffer {
    let place = try layout.place(ofLayer: layer)
    return pools[place.group][place.pool].keys.buffer
  }

  /// A layer's value pool, in the order of its ``KVGeometry``; the keys' where they are shared.
  ///
  /// Throws ``MemoryError`` when there is no such layer.
  package func values(layer: Int) throws(MemoryError) -> Buffer {
    let place = try layout.place(ofLayer: layer)
    return pools[place.group][place.pool].values.buffer
  }

  /// Blocks of a group that no sequence uses; 0 where there is no such group.
  package func freeBlockCount(group: Int) -> Int {
    state.withLock { $0.pools.indices.contains(group) ? $0.pools[group].freeCount : 0 }
  }

  /// Blocks of a group whose contents are known by a name.
  package func namedBlockCount(group: Int) -> Int {
    state.withLock { $0.pools.indices.contains(group) ? $0.pools[group].namedCount : 0 }
  }

  /// Sequences that are open.
  package var sequenceCount: Int { state.withLock { $0.sequences.count } }

  /// A new, empty sequence; its blocks are freed when the handle is closed or goes.
  package func makeSequence(adapter: Int? = nil) -> KVSequence {
    let id = state.withLock { state in
      state.insert(SequenceTables(layout, keepsJournal: state.keepsJournal))
    }
    return KVSequence(cache: self, id: id, adapter: adapter)
  }

  /// Tables over a transient group's pool, for the sequences of one step; nothing is kept of them.
  ///
  /// - Parameter tokenCounts: of each sequence.
  /// - Returns: a table for each sequence, and the blocks to clear before the step: those that are filled in part
  /// - Throws: ``MemoryError`` when the group is not transient, a count is not positive, or the pool is too small
  package func transientTables(
    group index: Int, tokenCounts: [Int]
  ) throws(MemoryError) -> (tables: [KVTable], work: KVBlockWork) {
    let group = try layout.group(at: index)
    guard group.kind == .transient, tokenCounts.allSatisfy({ (1...KVGroup.mostRows).contains($0) }) else {
      throw MemoryError(
        .invalidRequest, "KV group \(index) for sequences of \(tokenCounts) tokens: it must be transient, none empty")
    }
    let needed = try checkedSum(tokenCounts.map { group.blockCount(rows: $0) }, of: "KV blocks")
    guard needed <= blockCounts[index] else {
      throw MemoryError(
        .outOfBlocks,
        "\(needed) KV blocks are needed for sequences of \(tokenCounts) tokens, a step has \(blockCounts[index]): use "
          + "fewer tokens a step")
    }
    var work = KVBlockWork(groups: Array(repeating: KVGroupWork(), count: layout.groups.count))
    var tables: [KVTable] = []
    var next = 0
    for count in tokenCounts {
      let end = next + group.blockCount(rows: count)
      tables.append(
        KVTable(firstBlock: 0, blocks: (next..<end).map { Int32($0) }, blockSize: group.blockSize))
      if !count.isMultiple(of: group.blockSize) { work.groups[index].clear.append(Int32(end - 1)) }
      next = end
    }
    return (tables, work)
  }
}
