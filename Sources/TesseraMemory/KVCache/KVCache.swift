import Synchronization
import TesseraCL

/// The paged key-value cache of one model on one device, for many sequences at once.
///
/// Each layer has a pool buffer of keys and one of values (see ``KVCacheLayout``); all layers use the same block ids,
/// so a sequence has one block table. Pools are allocated at the start, as the memory plan says; blocks go to sequences
/// on demand.
///
/// All work on the cache goes through one in-order queue: then a block that one sequence frees may be handed to the
/// next at once, because its readers were enqueued earlier. Bookkeeping is safe to use from any thread.
///
/// A block is cleared on its first use, so memory that no token was written to reads as 0 and never as a NaN of
/// uninitialised memory. Rows left by an earlier sequence are finite but stale: kernels must mask by token count.
public final class KVCache: Sendable {
  struct State: Sendable {
    var pool: BlockPool
    var tables: [Int: BlockTable] = [:]
    var nextID = 0
    /// Blocks from this one on were never handed out.
    var freshFrom = 0
  }

  /// How keys and values lie in the pools.
  public let layout: KVCacheLayout
  /// Blocks in each pool.
  public let blockCount: Int
  /// Bytes of all pools.
  public let byteCount: Int

  /// The buffer that all pools lie in, where they fit one.
  public let wholeBuffer: Buffer?

  private let keyPools: [DeviceAllocation]
  private let valuePools: [DeviceAllocation]
  let state: Mutex<State>

  /// Allocates pools of `blockCount` blocks on `heap`.
  ///
  /// Throws ``MemoryError`` when a size is absurd or the heap refuses; nothing stays allocated then.
  public init(_ layout: KVCacheLayout, blockCount: Int, on heap: DeviceHeap) throws(MemoryError) {
    state = Mutex(State(pool: try BlockPool(blockCount: blockCount)))
    byteCount = try checkedProduct(blockCount, layout.bytesPerBlock, of: "KV cache of \(blockCount) blocks")
    self.layout = layout
    self.blockCount = blockCount
    var keys: [DeviceAllocation] = []
    var values: [DeviceAllocation] = []
    // Sizes of pools are parts of `byteCount`.
    let sizes = (0..<layout.layerCount).map { layout.poolBytesPerBlock(layer: $0) * blockCount }
    let fitsSlab = sizes.allSatisfy { $0.isMultiple(of: max(1, heap.limits.baseAddressAlignment)) }
    let slab = fitsSlab ? try DeviceSlab(heap, byteCount: byteCount, purpose: .kvCache, label: "the KV cache") : nil
    func pool(_ label: String, _ bytes: Int) throws(MemoryError) -> DeviceAllocation {
      if let slab { return try slab.allocate(byteCount: bytes, label: label) }
      return try heap.allocate(byteCount: bytes, purpose: .kvCache, label: label)
    }
    for (layer, bytes) in sizes.enumerated() {
      keys.append(try pool("keys of layer \(layer)", bytes))
      values.append(try pool("values of layer \(layer)", bytes))
    }
    wholeBuffer = slab?.buffer
    keyPools = keys
    valuePools = values
  }

  /// A layer's key pool, in the layout's order.
  ///
  /// Throws ``MemoryError`` when there is no such layer.
  public func keys(layer: Int) throws(MemoryError) -> Buffer { try pool(keyPools, layer) }

  /// A layer's value pool, in the layout's order.
  ///
  /// Throws ``MemoryError`` when there is no such layer.
  public func values(layer: Int) throws(MemoryError) -> Buffer { try pool(valuePools, layer) }

  /// Blocks that no sequence uses.
  public var freeBlockCount: Int { state.withLock { $0.pool.freeCount } }

  /// Sequences that are open.
  public var sequenceCount: Int { state.withLock { $0.tables.count } }

  /// A new, empty sequence; its blocks are freed when the handle is closed or goes.
  public func makeSequence() throws(MemoryError) -> KVSequence {
    let table = try BlockTable(blockSize: layout.blockSize)
    return KVSequence(cache: self, id: state.withLock { $0.insert(table) })
  }

  private func pool(_ pools: [DeviceAllocation], _ layer: Int) throws(MemoryError) -> Buffer {
    guard pools.indices.contains(layer) else {
      throw MemoryError(.invalidRequest, "the KV cache has \(pools.count) layers, layer \(layer) was asked for")
    }
    return pools[layer].buffer
  }

  /// Enqueues the clearing of `blocks` and then `copy`, in every pool.
  func prepare(clearing blocks: Range<Int>, copy: BlockTable.Copy?, on queue: Queue) throws(CLError) {
    let bytes = layout.headBytesPerBlock
    for layer in 0..<layout.layerCount {
      for pool in [keyPools[layer].buffer, valuePools[layer].buffer] {
        for head in 0..<layout.kvHeadCounts[layer] {
          let first = head * blockCount
          if !blocks.isEmpty {
            try queue.fill(
              pool, byte: 0, byteOffset: (first + blocks.lowerBound) * bytes, byteCount: blocks.count * bytes)
          }
          if let copy {
            try queue.copy(
              from: pool, to: pool, byteCount: bytes, fromOffset: (first + copy.from) * bytes,
              toOffset: (first + copy.to) * bytes)
          }
        }
      }
    }
  }
}

extension KVCache.State {
  mutating func insert(_ table: BlockTable) -> Int {
    nextID += 1
    tables[nextID] = table
    return nextID
  }

  /// The table of sequence `id`; throws when the sequence was closed.
  func table(_ id: Int) throws(MemoryError) -> BlockTable {
    guard let table = tables[id] else {
      throw MemoryError(.invalidSequence, "KV sequence \(id) was closed and cannot be used any more")
    }
    return table
  }

  /// Closes sequence `id`; nothing happens when it is closed already.
  mutating func close(_ id: Int) {
    guard var table = tables.removeValue(forKey: id) else { return }
    // A table releases only blocks that it holds, so this cannot fail; if it did, the rest would stay allocated.
    try? table.truncate(to: 0, in: &pool)
  }

  /// The never used blocks among those that `blocks` hands out, as one range; they are counted as used.
  mutating func takeFresh(_ blocks: some Sequence<Int>) -> Range<Int> {
    let end = (blocks.max() ?? -1) + 1
    let fresh = freshFrom..<max(freshFrom, end)
    freshFrom = fresh.upperBound
    return fresh
  }
}
