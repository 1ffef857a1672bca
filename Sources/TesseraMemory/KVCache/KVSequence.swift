/// One sequence's part of a ``KVCache``: its block tables, and the right to write to them.
///
/// A step is `reserve` (room for the tokens about to be computed), the reservation's work and the kernels that write the
/// tokens, then `commit`. Only the commit counts the work as done: after a step that failed, ``abandon()`` undoes the
/// reservation. What is committed and later unwanted goes with `truncate(to:)`. The blocks are freed by ``close()`` or
/// with the last reference.
///
/// Nothing here touches the device: what must be done there is returned.
package final class KVSequence: Sendable {
  /// The cache that the sequence lives in.
  package let cache: KVCache
  /// The sequence's number, unique in its cache.
  package let id: Int
  /// The number of the adapter that its keys and values are computed with; nil: none.
  package let adapter: Int?

  init(cache: KVCache, id: Int, adapter: Int?) {
    self.cache = cache
    self.id = id
    self.adapter = adapter
  }

  deinit { close() }

  /// Committed tokens, rows of the cache; 0 once closed.
  package var tokenCount: Int { cache.state.withLock { $0.sequences[id]?.tokenCount ?? 0 } }

  /// Tokens that the sequence's blocks have room for; 0 once closed.
  package var capacity: Int { cache.state.withLock { $0.sequences[id]?.capacity ?? 0 } }

  /// The tables, one a group, of committed and reserved rows; none once closed.
  package var tables: [KVTable] { cache.state.withLock { $0.sequences[id]?.tables.map(\.table) ?? [] } }

  /// Rows of the fixed groups, where they were filled; 0 before, and where there are none.
  package var filledRows: Int { cache.state.withLock { $0.sequences[id]?.filledRows ?? 0 } }

  /// Blocks that each group lacks to hold so many tokens in all, run in steps of at most `stepTokens`.
  package func missingBlocks(for tokens: Int, stepTokens: Int) -> [Int] {
    let most = cache.layout.mostBlocks(tokens: tokens, stepTokens: stepTokens)
    return cache.state.withLock { state in
      guard let tables = state.sequences[id] else { return most }
      return zip(tables.missingBlocks(for: tokens, in: state.pools), zip(most, tables.tables)).map {
        // A window gives blocks back on the way.
        min($0, max(0, $1.0 - $1.1.heldBlockCount))
      }
    }
  }

  /// Blocks of each group that come free when the sequence is closed: those that it shares do not.
  package var ownBlocks: [Int] {
    cache.state.withLock { state in
      guard let tables = state.sequences[id] else { return cache.layout.groups.map { _ in 0 } }
      return zip(tables.tables, state.pools).map { $0.ownBlockCount(in: $1) }
    }
  }

  /// Makes room for `count` tokens behind the committed ones, in every group that keeps rows.
  ///
  /// Called again without a commit it makes more room, and tells only the work that is new.
  ///
  /// Throws ``MemoryError`` when too few blocks are free or the sequence was closed; nothing is changed then.
  package func reserve(_ count: Int) throws(MemoryError) -> KVReservation {
    try change { tables, pools throws(MemoryError) in try tables.reserve(count, in: &pools) }
  }

  /// Makes room in an empty sequence for `count` tokens that are computed already: blocks that the cache has under the
  /// sequence's names, and new ones, whose rows come from a store. Groups with a window get only the blocks that a
  /// query behind them may touch. To be committed whole, once the rows are there.
  ///
  /// Throws ``MemoryError`` when the sequence is not empty or was closed, or too few blocks are free.
  package func restore(_ count: Int) throws(MemoryError) -> KVRestoration {
    try change { tables, pools throws(MemoryError) in try tables.restore(count, in: &pools) }
  }

  // MARK: Names

  /// Takes names of more of the sequence's blocks, from number `first` on; nothing happens where others are missing before.
  /// Those that are committed are known by them at once, the others with their commit.
  package func name(_ names: some Collection<KVBlockKey> & Sendable, from first: Int = 0) {
    try? change { tables, pools throws(MemoryError) in tables.name(names, from: first, in: &pools) }
  }

  /// Begins an empty sequence with the named blocks that the cache has, of at most `most` tokens.
  ///
  /// Throws ``MemoryError`` when the sequence was closed.
  ///
  /// - Returns: how many tokens are committed then
  package func attach(most: Int) throws(MemoryError) -> Int {
    try change { tables, pools throws(MemoryError) in
      try tables.attach(self.cache.layout, most: most, in: &pools)
    }
  }

  /// Blocks that have got their names since the last time, if the cache keeps a journal of them: their bytes are there until
  /// blocks are reserved again.
  package func takeNamed() -> [KVNamedBlock] {
    (try? change { tables, pools throws(MemoryError) in tables.takeNamed(in: pools) }) ?? []
  }

  /// Takes the names off the blocks that the sequence has computed itself.
  package func unname() {
    try? change { tables, pools throws(MemoryError) in tables.unname(in: &pools) }
  }

  // MARK: Steps

  /// Reserves the rows of a fixed group, once: the keys of cross-attention. The next commit, which may be of 0 tokens,
  /// makes them part of the sequence; until then ``abandon()`` undoes it.
  ///
  /// Throws ``MemoryError`` when the group is not a fixed one, was filled already or is too small, or too few blocks are
  /// free.
  package func fill(group: Int, count: Int) throws(MemoryError) -> KVReservation {
    try change { tables, pools throws(MemoryError) in try tables.fill(group, count, in: &pools) }
  }

  /// Counts `count` reserved tokens as written, and the reservation's work as done.
  ///
  /// Groups with a window give back the blocks that no later query touches.
  ///
  /// Throws ``MemoryError`` when fewer are reserved, or the sequence was closed.
  package func commit(_ count: Int) throws(MemoryError) {
    try change { tables, pools throws(MemoryError) in try tables.commit(count, in: &pools) }
  }

  /// Counts some of the reserved tokens as written, as the path that was taken through a tree of drafts.
  ///
  /// - Parameter tokens: indices among the reserved ones, ascending.
  /// - Returns: for each group the moves of rows that must run on the device next, each group's in their order
  /// - Throws: ``MemoryError`` when an index is not reserved or they do not ascend, or the sequence was closed
  package func commit(keeping tokens: [Int]) throws(MemoryError) -> [[KVRowMove]] {
    try change { state, pools throws(MemoryError) in try state.commit(keeping: tokens, in: &pools) }
  }

  /// Drops all tokens from `count` on, and what was reserved and not committed.
  ///
  /// Throws ``MemoryError`` when `count` is negative or exceeds the committed tokens, keys that the sequence would need
  /// again were given back behind a window (`.windowLost`: compute it anew), or the sequence was closed.
  package func truncate(to count: Int) throws(MemoryError) {
    try change { tables, pools throws(MemoryError) in try tables.truncate(to: count, in: &pools) }
  }

  /// Undoes what was reserved and not committed: blocks go back as uncleared as they were, shared ones are shared again.
  package func abandon() {
    cache.state.withLock { state in
      guard let count = state.sequences[id]?.tokenCount else { return }
      // Cutting nothing off cannot fail.
      try? state.sequences[id]?.truncate(to: count, in: &state.pools)
    }
  }

  /// A second sequence with the same committed tokens; both share their blocks until one writes.
  ///
  /// Throws ``MemoryError`` when the sequence was closed.
  package func fork() throws(MemoryError) -> KVSequence {
    let forkID = try cache.state.withLock { state throws(MemoryError) -> Int in
      guard let fork = try state.sequences[id]?.fork(in: &state.pools) else { throw closed }
      return state.insert(fork)
    }
    return KVSequence(cache: cache, id: forkID, adapter: adapter)
  }

  /// Frees the sequence's blocks; it cannot be used any more. Closing twice is allowed.
  package func close() {
    cache.state.withLock { state in
      state.sequences[id]?.close(in: &state.pools)
      state.sequences[id] = nil
    }
  }

  /// Changes the tables where they are; throws when the sequence was closed.
  private func change<T: Sendable>(
    _ body: (inout SequenceTables, inout [BlockPool]) throws(MemoryError) -> T
  ) throws(MemoryError) -> T {
    try cache.state.withLock { state throws(MemoryError) -> T in
      guard let index = state.sequences.index(forKey: id) else { throw closed }
      return try body(&state.sequences.values[index], &state.pools)
    }
  }

  private var closed: MemoryError {
    MemoryError(.invalidSequence, "KV sequence \(id) was closed and cannot be used any more")
  }
}
