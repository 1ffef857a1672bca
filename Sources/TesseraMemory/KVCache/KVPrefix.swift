/// A block that got a name: its blocks by group, where a group still has one.
package struct KVNamedBlock: Sendable, Equatable {
  package var name: KVBlockKey
  /// The name of the block before it in its chain; nil for the first.
  package var parent: KVBlockKey?
  /// One a group.
  package var blocks: [Int32?]
}

/// What a cache has of a chain of blocks.
package struct KVPrefix: Sendable, Equatable {
  /// Tokens that need not be computed: whole blocks.
  package var tokenCount: Int
  /// Of each group that keeps every row, blocks of these that somebody uses: they take nothing of what is free.
  package var usedBlocks: [Int]
}

extension KVCacheLayout {
  /// Tokens of a block that can have a name, where every group keeps a row for each token, in blocks of one size; nil
  /// elsewhere: encoders, and what looks at a source too, share no prefixes.
  package var prefixBlockSize: Int? {
    let areKept = groups.allSatisfy { group in
      switch group.kind {
      case .growing, .window: true
      case .fixed, .transient: false
      }
    }
    let sizes = Set(groups.map(\.blockSize))
    return areKept && sizes.count == 1 ? sizes.first : nil
  }

  /// The most blocks at a sequence's beginning, of at most `count`, of which all are there that a query behind them may
  /// touch: of a group that keeps every row each, of a window the last ones.
  ///
  /// - Parameter isThere: whether a group has the block of that number.
  func longestPrefix(of count: Int, _ isThere: (_ group: Int, _ block: Int) -> Bool) -> Int {
    var most = count
    var windows: [(group: KVGroup, runs: [Int])] = []
    for (index, group) in groups.enumerated() where group.kind == .growing {
      most = (0..<most).first { !isThere(index, $0) } ?? most
    }
    for (index, group) in groups.enumerated() where group.kind != .growing {
      // How many in a row are there, up to each.
      var run = 0
      windows.append(
        (
          group,
          (0..<most).map {
            run = isThere(index, $0) ? run + 1 : 0
            return run
          }
        ))
    }
    while most > 0 {
      let fits = windows.allSatisfy { group, runs in
        let gap = group.gap(behind: most * group.blockSize)
        let sinks = min(gap.lowerBound, most)
        return (sinks == 0 || runs[sinks - 1] == sinks) && runs[most - 1] >= most - max(gap.upperBound, sinks)
      }
      if fits { return most }
      most -= 1
    }
    return 0
  }
}

extension KVCache {
  /// What the cache has of the blocks with these names, the first of a sequence.
  ///
  /// - Parameter isStored: whether a block that the cache lacks is elsewhere, by its number.
  package func prefix(of names: [KVBlockKey], isStored: (Int) -> Bool = { _ in false }) -> KVPrefix {
    state.withLock { state in
      let count = layout.longestPrefix(of: names.count) { state.pools[$0].holds(names[$1]) || isStored($1) }
      let used = layout.groups.indices.map { index in
        layout.groups[index].kind == .growing ? names.prefix(count).count { state.pools[index].isUsed($0) } : 0
      }
      return KVPrefix(tokenCount: count * (layout.prefixBlockSize ?? 0), usedBlocks: used)
    }
  }

  /// The numbers of the blocks with these names that a query behind them may touch and that a group lacks.
  package func missingBlocks(of names: [KVBlockKey]) -> [Int] {
    let rows = names.count * (layout.prefixBlockSize ?? 0)
    return state.withLock { state in
      let missing = layout.groups.enumerated().flatMap { index, group in
        group.neededBlocks(rows: rows).filter { !state.pools[index].holds(names[$0]) }
      }
      return Set(missing).sorted()
    }
  }
}
