/// One sequence's tables, one a group, and the steps that change all of them or none.
struct SequenceTables: Sendable {
  /// Committed tokens.
  private(set) var tokenCount = 0
  /// Tokens that room is reserved for behind them.
  private var reserved = 0
  private(set) var tables: [BlockTable]
  private let kinds: [KVKind]

  /// Tokens of a block that may have a name; nil where none has.
  private let namedSize: Int?
  /// Names of the sequence's blocks, the first ones, as far as its tokens are known.
  private(set) var names: [KVBlockKey] = []
  /// Blocks of these that are committed: the pools know their names.
  private var namedCount = 0
  /// Blocks of these, the first ones, that others have computed, or that were restored.
  private var attachedCount = 0
  /// What was named since the last `takeNamed`; nil where nobody asks.
  private var journal: [KVNamedBlock]?

  /// - Parameter keepsJournal: whether `takeNamed` will be asked.
  init(_ layout: KVCacheLayout, keepsJournal: Bool = false) {
    tables = layout.groups.map { BlockTable($0) }
    kinds = layout.groups.map(\.kind)
    namedSize = layout.prefixBlockSize
    journal = keepsJournal ? [] : nil
  }

  /// Tokens that the blocks of every group that keeps rows have room for.
  var capacity: Int { tables.indices.filter(isKept).map { tables[$0].capacity }.min() ?? 0 }

  /// Rows of the groups that are filled once.
  var filledRows: Int {
    kinds.indices.lazy.filter { if case .fixed = kinds[$0] { true } else { false } }.map { tables[$0].rowCount }.max()
      ?? 0
  }

  /// Blocks that each group lacks to hold `tokens` in all.
  func missingBlocks(for tokens: Int, in pools: [BlockPool]) -> [Int] {
    tables.indices.map { index in
      guard isKept(index), tokens > tokenCount else { return 0 }
      return (try? tables[index].demand(tokens - tokenCount, in: pools[index])) ?? .max / 2
    }
  }

  /// Whether a group has a row for every token.
  private func isKept(_ index: Int) -> Bool {
    switch kinds[index] {
    case .growing, .window: true
    case .fixed, .transient: false
    }
  }

  /// Makes room for `count` tokens; changes nothing when a pool has too few free blocks.
  mutating func reserve(_ count: Int, in pools: inout [BlockPool]) throws(MemoryError) -> KVReservation {
    guard count >= 0 else { throw MemoryError(.invalidRequest, "\(count) KV tokens cannot be reserved") }
    for index in tables.indices where isKept(index) {
      try pools[index].check(tables[index].demand(count, in: pools[index]))
    }
    var work = KVBlockWork(groups: Array(repeating: KVGroupWork(), count: tables.count))
    for index in tables.indices where isKept(index) {
      work.groups[index] = try tables[index].reserve(count, in: &pools[index])
    }
    reserved = max(reserved, count)
    return KVReservation(rows: tokenCount..<tokenCount + count, tables: tables.map(\.table), work: work)
  }

  /// Makes room for `count` tokens that are already computed, in an empty sequence: blocks with the sequence's names, where
  /// the pools have them, else new ones.
  mutating func restore(_ count: Int, in pools: inout [BlockPool]) throws(MemoryError) -> KVRestoration {
    guard count >= 0, tokenCount == 0, reserved == 0 else {
      throw MemoryError(
        .invalidRequest,
        "\(count) KV tokens cannot be restored to a sequence that has \(tokenCount), and room for \(reserved)")
    }
    // The last block that is not full has no name.
    let names = Array(names.prefix(count / max(1, namedSize ?? .max)))
    for index in tables.indices where isKept(index) {
      try pools[index].check(tables[index].restoreDemand(count, names, in: pools[index]))
    }
    var work = KVBlockWork(groups: Array(repeating: KVGroupWork(), count: tables.count))
    var new = Array(repeating: [Int](), count: tables.count)
    for index in tables.indices where isKept(index) {
      (work.groups[index], new[index]) = try tables[index].restore(count, names, in: &pools[index])
    }
    // From the first on that others had to be asked for, they are the sequence's own.
    (reserved, attachedCount) = (count, min(names.count, new.joined().min() ?? .max))
    let room = KVReservation(rows: 0..<count, tables: tables.map(\.table), work: work)
    return KVRestoration(reservation: room, newBlocks: new)
  }

  /// Reserves the rows of a fixed group.
  mutating func fill(_ group: Int, _ count: Int, in pools: inout [BlockPool]) throws(MemoryError) -> KVReservation {
    guard tables.indices.contains(group), case .fixed(let capacity) = kinds[group] else {
      throw MemoryError(.invalidRequest, "KV group \(group) is not one that is filled once")
    }
    guard (1...capacity).contains(count) else {
      throw MemoryError(.invalidRequest, "\(count) rows for a KV group that holds 1 to \(capacity)")
    }
    guard tables[group].rowCount == 0, tables[group].fillingRows == 0 else {
      throw MemoryError(.invalidRequest, "KV group \(group) was filled already, it cannot be filled again")
    }
    try pools[group].check(tables[group].demand(count, in: pools[group]))
    var work = KVBlockWork(groups: Array(repeating: KVGroupWork(), count: tables.count))
    work.groups[group] = try tables[group].reserve(count, in: &pools[group])
    tables[group].fillingRows = count
    return KVReservation(rows: 0..<count, tables: tables.map(\.table), work: work)
  }

  /// Counts `count` reserved tokens as written.
  mutating func commit(_ count: Int, in pools: inout [BlockPool]) throws(MemoryError) {
    guard (0...reserved).contains(count) else {
      throw MemoryError(.invalidRequest, "\(count) KV tokens are committed, room for \(reserved) is reserved")
    }
    for index in tables.indices {
      let rows = isKept(index) ? count : tables[index].fillingRows
      tables[index].fillingRows = 0
      try tables[index].commit(rows, in: &pools[index])
    }
    tokenCount += count
    reserved -= count
    // A window's blocks are named before they go.
    publish(in: &pools)
    for index in tables.indices { try tables[index].giveBack(to: &pools[index]) }
  }

  /// Counts some of the reserved tokens as written, and tells which rows must move for them to lie side by side.
  mutating func commit(keeping tokens: [Int], in pools: inout [BlockPool]) throws(MemoryError) -> [[KVRowMove]] {
    guard tokens.allSatisfy({ (0..<reserved).contains($0) }), zip(tokens, tokens.dropFirst()).allSatisfy({ $0 < $1 })
    else {
      throw MemoryError(
        .invalidRequest, "the KV tokens \(tokens) of \(reserved) reserved ones are kept: they must ascend")
    }
    let first = tokenCount
    try commit(tokens.count, in: &pools)
    return tables.indices.map { isKept($0) ? tables[$0].moves(keeping: tokens, from: first) : [] }
  }

  /// Drops all tokens from `count` on, and what was reserved.
  mutating func truncate(to count: Int, in pools: inout [BlockPool]) throws(MemoryError) {
    guard (0...tokenCount).contains(count) else {
      throw MemoryError(.invalidRequest, "\(tokenCount) KV tokens cannot be cut to \(count)")
    }
    for index in tables.indices where isKept(index) && count < tokenCount && !tables[index].canTruncate(to: count) {
      throw MemoryError(
        .windowLost,
        "\(tokenCount) KV tokens cannot be cut to \(count): of layers with a window the keys before it were given back; "
          + "compute the tokens anew in a new sequence")
    }
    for index in tables.indices {
      try tables[index].truncate(to: isKept(index) ? count : tables[index].rowCount, in: &pools[index])
    }
    if let namedSize, count < tokenCount {
      // What follows may be other tokens.
      names.removeLast(max(0, names.count - count / namedSize))
      namedCount = min(namedCount, names.count)
    }
    if let namedSize { attachedCount = min(attachedCount, count / namedSize) }
    (tokenCount, reserved) = (count, 0)
  }

  // MARK: Names

  /// Takes names of more blocks, from number `first` on, which follow those that are known.
  mutating func name(_ more: some Collection<KVBlockKey>, from first: Int, in pools: inout [BlockPool]) {
    guard namedSize != nil, first == names.count else { return }
    names += more
    publish(in: &pools)
  }

  /// Begins an empty sequence with what the pools have of its named blocks, of at most `most` tokens.
  ///
  /// - Returns: how many tokens that are
  mutating func attach(_ layout: KVCacheLayout, most: Int, in pools: inout [BlockPool]) throws(MemoryError) -> Int {
    guard let namedSize, tokenCount == 0 else { return 0 }
    let candidates = min(names.count, most / namedSize)
    let count = layout.longestPrefix(of: candidates) { pools[$0].holds(names[$1]) } * namedSize
    guard count > 0 else { return 0 }
    _ = try restore(count, in: &pools)
    try commit(count, in: &pools)
    return count
  }

  /// Takes the names off what the sequence has computed itself, whoever uses it by now, and what a window gave back.
  mutating func unname(in pools: inout [BlockPool]) {
    for name in names.prefix(namedCount).dropFirst(attachedCount) {
      for index in pools.indices {
        if let block = pools[index].block(named: name) { pools[index].unpublish(block) }
      }
    }
    (names, namedCount) = ([], 0)
    if journal != nil { journal = [] }
  }

  /// Blocks that were named since the last time and are there still, with all groups' parts.
  mutating func takeNamed(in pools: [BlockPool]) -> [KVNamedBlock] {
    defer { if journal != nil { journal = [] } }
    return (journal ?? []).compactMap { entry in
      // What a window gave back may be another's since.
      let blocks = pools.map { $0.block(named: entry.name) }
      return blocks.contains(nil) ? nil : KVNamedBlock(name: entry.name, parent: entry.parent, blocks: blocks)
    }
  }

  /// Names the blocks that are committed and whose tokens are known.
  private mutating func publish(in pools: inout [BlockPool]) {
    guard let namedSize else { return }
    let end = min(names.count, tokenCount / namedSize)
    while namedCount < end {
      let blocks = tables.map { $0.block(at: namedCount) }
      var isNew = false
      for (index, block) in blocks.enumerated() {
        if let block, pools[index].publish(block, as: names[namedCount]) { isNew = true }
      }
      if isNew, blocks.allSatisfy({ $0 != nil }) {
        journal?.append(
          KVNamedBlock(name: names[namedCount], parent: namedCount > 0 ? names[namedCount - 1] : nil, blocks: blocks))
      }
      namedCount += 1
    }
  }

  /// A second sequence over the same committed tokens.
  func fork(in pools: inout [BlockPool]) throws(MemoryError) -> SequenceTables {
    var copy = self
    copy.reserved = 0
    if journal != nil { copy.journal = [] }
    for index in tables.indices { copy.tables[index] = try tables[index].fork(in: &pools[index]) }
    return copy
  }

  /// Gives every block back.
  mutating func close(in pools: inout [BlockPool]) {
    // A table releases only blocks that it holds, so this cannot fail; if it did, the rest would stay allocated.
    for index in tables.indices { try? tables[index].truncate(to: 0, in: &pools[index]) }
  }
}
