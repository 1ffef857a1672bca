extension KVGroup {
  /// Rows at the sequence's beginning that sinks keep, in whole tiles of keys: attention reads a tile whole.
  var sinkRows: Int {
    guard case .window(_, let sinks) = kind else { return 0 }
    return (sinks + TilePlan.keyTile - 1) / TilePlan.keyTile * TilePlan.keyTile
  }

  /// The first row that attention may touch for a query at `row`, but for sinks: where the tile of keys begins that has
  /// the oldest one in sight.
  func firstTouchedRow(at row: Int) -> Int {
    guard case .window(let tokens, _) = kind else { return 0 }
    return max(0, row - tokens + 1) / TilePlan.keyTile * TilePlan.keyTile
  }

  /// Blocks that sinks keep.
  var sinkBlocks: Int { blockCount(rows: sinkRows) }

  /// The blocks of `count` rows that no query behind them touches: a window gives them back.
  func gap(behind count: Int) -> Range<Int> {
    sinkBlocks..<max(sinkBlocks, firstTouchedRow(at: count) / blockSize)
  }

  /// The numbers of the blocks that a query behind `count` rows may touch.
  package func neededBlocks(rows count: Int) -> [Int] {
    let gap = gap(behind: count)
    return (0..<blockCount(rows: count)).filter { !gap.contains($0) }
  }

  /// Blocks that `sequenceCount` sequences need at once, each of up to `contextLength` tokens, in steps of up to
  /// `stepTokens` tokens together.
  ///
  /// A window needs the rows from the tile that its oldest key lies in to the step's end; never more than a growing
  /// group.
  ///
  /// Throws ``MemoryError`` when a count is not positive or the rows cannot be numbered by the kernels' 32 bits.
  package func blockCount(contextLength: Int, sequenceCount: Int, stepTokens: Int) throws(MemoryError) -> Int {
    guard contextLength > 0, sequenceCount > 0, stepTokens > 0 else {
      throw MemoryError(
        .invalidRequest,
        "a KV cache for \(sequenceCount) sequences of \(contextLength) tokens in steps of \(stepTokens): all must be "
          + "positive")
    }
    let whole = blockCount(rows: contextLength)
    let blocks: Int
    switch kind {
    case .growing: blocks = try checkedProduct(whole, sequenceCount, of: "KV blocks")
    case .window(let tokens, _):
      // Between the first touched row and the oldest one in sight are at most a tile's keys but one; blocks that do not
      // divide a tile begin before it.
      let slack = TilePlan.keyTile.isMultiple(of: blockSize) ? 0 : blockSize - 1
      let rows = try checkedSum(
        [tokens - 1, TilePlan.keyTile - 1, stepTokens, slack], of: "KV rows of a window")
      let held = try checkedSum([blockCount(rows: rows), blockCount(rows: sinkRows)], of: "KV blocks of a window")
      blocks = try checkedProduct(min(whole, held), sequenceCount, of: "KV blocks")
    case .fixed(let capacity): blocks = try checkedProduct(blockCount(rows: capacity), sequenceCount, of: "KV blocks")
    case .transient:
      // Each sequence of a step has at least one token, and its own last block.
      let count = min(sequenceCount, stepTokens)
      blocks = try checkedSum([(stepTokens - count) / blockSize, count], of: "KV blocks")
    }
    return try checked(blocks: blocks)
  }

  /// `blocks`, where kernels can number their slots.
  func checked(blocks: Int) throws(MemoryError) -> Int {
    guard blocks > 0, blocks <= Self.mostRows / blockSize else {
      throw MemoryError(
        .invalidRequest,
        "\(blocks) KV blocks of \(blockSize) tokens: 1 to \(Self.mostRows / blockSize) are possible, use a smaller "
          + "--context")
    }
    return blocks
  }
}

extension KVCacheLayout {
  /// Blocks of each group that one sequence of `tokens` can hold at once; none of those that are filled once or for a step.
  package func mostBlocks(tokens: Int, stepTokens: Int) -> [Int] {
    groups.map { group in
      switch group.kind {
      case .growing, .window:
        (try? group.blockCount(contextLength: max(1, tokens), sequenceCount: 1, stepTokens: max(1, stepTokens)))
          ?? .max / 2
      case .fixed, .transient: 0
      }
    }
  }

  /// Blocks of each group for `sequenceCount` sequences that may all be full.
  ///
  /// - Parameters:
  ///   - contextLength: tokens that each sequence may hold.
  ///   - stepTokens: the most tokens of one step.
  /// - Throws: ``MemoryError`` when a count is not positive or cannot be numbered.
  package func blockCounts(
    contextLength: Int, sequenceCount: Int, stepTokens: Int
  ) throws(MemoryError) -> [Int] {
    var counts: [Int] = []
    for group in groups {
      counts.append(
        try group.blockCount(
          contextLength: contextLength, sequenceCount: sequenceCount, stepTokens: stepTokens))
    }
    return counts
  }

  /// Sequences that may all be full within some memory.
  ///
  /// - Parameters:
  ///   - byteLimit: nil is no limit.
  ///   - most: sequences that are wanted.
  ///   - contextLength: tokens that each sequence may hold.
  ///   - stepTokens: the most tokens of one step of so many sequences.
  /// - Throws: ``MemoryError`` where not even one fits, or a count cannot be numbered.
  package func sequenceCount(
    within byteLimit: Int?, atMost most: Int, contextLength: Int, stepTokens: (Int) -> Int
  ) throws(MemoryError) -> Int {
    guard let byteLimit else { return most }
    func bytes(_ sequences: Int) throws(MemoryError) -> Int {
      try byteCount(
        blockCounts: blockCounts(
          contextLength: contextLength, sequenceCount: sequences, stepTokens: stepTokens(sequences)))
    }
    let one = try bytes(1)
    guard one <= byteLimit else {
      throw MemoryError(
        .invalidRequest,
        "\(formatted(bytes: byteLimit)) for keys and values: one sequence of \(contextLength) tokens takes "
          + "\(formatted(bytes: one)); use a shorter --context")
    }
    // More take more memory: the last that fits is between the two.
    var (fits, beyond) = (1, most + 1)
    while beyond - fits > 1 {
      let middle = (fits + beyond) / 2
      // So many that they cannot be numbered do not fit.
      let isWithin = (try? bytes(middle)).map { $0 <= byteLimit } ?? false
      if isWithin { fits = middle } else { beyond = middle }
    }
    return fits
  }

  /// Bytes of pools with so many blocks of each group.
  ///
  /// Throws ``MemoryError`` when the counts are not one a group, one cannot be numbered, or the bytes are beyond `Int`.
  package func byteCount(blockCounts: [Int]) throws(MemoryError) -> Int {
    guard blockCounts.count == groups.count else {
      throw MemoryError(
        .invalidRequest, "\(blockCounts.count) KV block counts, the cache has \(groups.count) groups of layers")
    }
    var sizes: [Int] = []
    for (group, count) in zip(groups, blockCounts) {
      sizes.append(
        try checkedProduct(group.checked(blocks: count), group.bytesPerBlock, of: "KV cache of \(count) blocks"))
    }
    return try checkedSum(sizes, of: "KV cache")
  }
}
