import TesseraCL

/// One sequence's part of a ``KVCache``: its block table, and the right to write to it.
///
/// A step is `reserve` (room for the tokens about to be computed), the kernels that write them, then `commit`. What was
/// reserved but is not committed, or is committed and later unwanted (rejected drafts), goes with `truncate(to:)`.
/// The blocks are freed by ``close()`` or with the last reference.
public final class KVSequence: Sendable {
  /// The cache that the sequence lives in.
  public let cache: KVCache
  /// The sequence's number, unique in its cache.
  public let id: Int

  init(cache: KVCache, id: Int) {
    self.cache = cache
    self.id = id
  }

  deinit { close() }

  /// Committed tokens; 0 once closed.
  public var tokenCount: Int { cache.state.withLock { $0.tables[id]?.tokenCount ?? 0 } }

  /// Tokens that the sequence's blocks have room for; 0 once closed.
  public var capacity: Int { cache.state.withLock { $0.tables[id]?.capacity ?? 0 } }

  /// The block ids in token order, as kernels read them; empty once closed.
  public var blockTable: [Int32] { cache.state.withLock { ($0.tables[id]?.blocks ?? []).map { Int32($0) } } }

  /// Makes room for `count` tokens after the committed ones, and enqueues on `queue` what that needs: the clearing of
  /// blocks that were never used, the copy of a block that is shared.
  ///
  /// - Returns: the block ids in token order, the reserved ones included
  /// - Throws: ``MemoryError`` when too few blocks are free (the sequence is then unchanged), the sequence was closed,
  ///   or the device refuses (the sequence is then closed)
  @discardableResult
  public func reserve(_ count: Int, on queue: Queue) throws(MemoryError) -> [Int32] {
    let (blocks, fresh, copy) = try locked { state throws(MemoryError) in
      var table = try state.table(id)
      let copy = try table.reserve(count, in: &state.pool)
      state.tables[id] = table
      return (table.blocks, state.takeFresh(table.blocks), copy)
    }
    if !fresh.isEmpty || copy != nil {
      do {
        try cache.prepare(clearing: fresh, copy: copy, on: queue)
      } catch {
        close()
        throw MemoryError(error, while: "preparing KV blocks of sequence \(id)")
      }
    }
    return blocks.map { Int32($0) }
  }

  /// Counts `count` reserved tokens as written; throws ``MemoryError`` when fewer are reserved.
  public func commit(_ count: Int) throws(MemoryError) {
    try locked { state throws(MemoryError) in
      var table = try state.table(id)
      try table.commit(count)
      state.tables[id] = table
    }
  }

  /// Drops all tokens from `count` on, and what was reserved.
  ///
  /// Throws ``MemoryError`` when `count` is negative or exceeds the committed tokens, or the sequence was closed.
  public func truncate(to count: Int) throws(MemoryError) {
    try locked { state throws(MemoryError) in
      var table = try state.table(id)
      try table.truncate(to: count, in: &state.pool)
      state.tables[id] = table
    }
  }

  /// A second sequence with the same committed tokens; both share their blocks until one writes.
  ///
  /// Throws ``MemoryError`` when the sequence was closed.
  public func fork() throws(MemoryError) -> KVSequence {
    let forkID = try locked { state throws(MemoryError) in
      let table = try state.table(id).fork(in: &state.pool)
      return state.insert(table)
    }
    return KVSequence(cache: cache, id: forkID)
  }

  /// Frees the sequence's blocks; it cannot be used any more. Closing twice is allowed.
  public func close() { cache.state.withLock { $0.close(id) } }

  private func locked<T: Sendable>(
    _ body: (inout sending KVCache.State) throws(MemoryError) -> sending T
  ) throws(MemoryError) -> T {
    try cache.state.withLock { state throws(MemoryError) in try body(&state) }
  }
}
