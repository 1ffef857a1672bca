import TesseraCL
import TesseraMemory

/// Tiled attention over the paged cache, in all its forms: `Kernels/attention/` (Dao et al. 2022).
public struct FlashAttention: Sendable {
  private let library: KernelLibrary
  private let tiles: TilePlan.Attention

  public init(_ library: KernelLibrary, tiles: TilePlan.Attention) {
    self.library = library
    self.tiles = tiles
  }

  // MARK: Tiles

  /// Queries of a tile: consecutive tokens of one sequence.
  ///
  /// - Parameter longest: the most tokens that a sequence has in the batch.
  public func tileRows(longest: Int, headCount: Int, kvHeadCount: Int) -> Int {
    guard longest > 1, headCount > 0, kvHeadCount > 0 else { return 1 }
    // Rows of a tile are tokens times heads that share keys and values; the more rows the better, and of heads.
    let rows = tiles.rows(isOne: false)
    let heads = Self.headTiles(headCount / kvHeadCount, upTo: rows)
      .filter { (headCount / kvHeadCount).isMultiple(of: $0) }
      .max { rows / $0 * $0 <= rows / $1 * $1 }
    return rows / (heads ?? 1)
  }

  /// Heads that share a pass over their keys and values. Results do not depend on it.
  private func headRows(tileRows: Int, shape: Shape, cache: CacheGeometry) -> Int {
    // Of values that are keys, lanes are rows.
    let rows =
      cache.sharesValues && library.style == .vector ? TilePlan.rowGroup : tiles.rows(isOne: tileRows == 1)
    return Self.headTiles(shape.headCount / cache.kvHeadCount, upTo: max(1, rows / tileRows)).last ?? 1
  }

  /// The sizes of tiles, at most `limit`, that a group of heads can be cut in evenly, ascending.
  private static func headTiles(_ group: Int, upTo limit: Int) -> [Int] {
    (1...max(1, min(group, limit))).filter { size in
      let tiles = (group + size - 1) / size
      return (group + tiles - 1) / tiles == size
    }
  }

  /// How many work-items should share a tile's keys, for every core to have work; 1 where they should not.
  ///
  /// - Parameter longest: the most keys of a sequence. The count changes with it at powers of two only.
  public func splitCount(tileCount: Int, longest: Int, kvHeadCount: Int) -> Int {
    // Cores that take units one by one end together only if there are many; a GPU's run side by side.
    let wanted = (library.style == .vector ? 8 : 4) * library.context.device.profile.computeUnits
    let units = max(1, tileCount * kvHeadCount)
    let keyTiles = max(1, (longest + TilePlan.keyTile - 1) / TilePlan.keyTile)
    return min((wanted + units - 1) / units, 1 << (Int.bitWidth - 1 - keyTiles.leadingZeroBitCount))
  }

  /// Bytes of a split's partial results.
  public static func partialBytes(tokens: Int, headCount: Int, valueDim: Int, longest: Int) -> Int {
    tokens * headCount * ((longest + TilePlan.keyTile - 1) / TilePlan.keyTile) * (valueDim + 16) * 4
  }

  // MARK: Enqueuing

  /// Enqueues the attention of a ragged batch.
  ///
  /// - Parameters:
  ///   - q: token t's heads begin at t · qStride floats, (headCount, headDim), rotated.
  ///   - values: unused where the cache shares them.
  ///   - tables: UInt32 block ids of all sequences.
  ///   - tiles: `tileCount` tiles of at most `tileRows` queries.
  ///   - positions: (tokens) Int32; the cache holds every key up to each, and of a tree all tokens in flight.
  ///   - out: (tokens, headCount, valueDim).
  public func enqueue(
    q: Buffer, qStride: Int, keys: Buffer, values: Buffer, tables: Buffer, tiles: Buffer, tileCount: Int, tileRows: Int,
    positions: Buffer, into out: Buffer, shape: Shape, cache: CacheGeometry, extras: Extras = Extras(),
    split: Split? = nil, on target: some CommandTarget
  ) throws {
    try Self.check(shape, cache, extras, split)
    let headRows = headRows(tileRows: tileRows, shape: shape, cache: cache)
    let splits = split?.count ?? 1
    let group = shape.headCount / cache.kvHeadCount
    let headTiles = cache.kvHeadCount * ((group + headRows - 1) / headRows)
    if let program = target.program {
      guard shape.mask == .causal, shape.sinkKeys == 0, !cache.sharesValues, cache.valueDim == cache.headDim,
        extras.treeMasks == nil, extras.slopes == nil, extras.sinks == nil, extras.logSums == nil
      else { throw OperatorError(.unrecordable, "a form of attention that recorded steps do not have") }
      try program.require(
        StepProgram.AttentionShape(
          headCount: shape.headCount, tileRows: tileRows, headRows: headRows, hasSoftCap: shape.softCap != nil,
          cache: cache))
      var command = StepProgram.Command(StepProgram.Command.Kind.attention, units: tileCount * headTiles * splits)
      command.stride = UInt32(qStride)
      command.tiles = try program.offset(inArena: tiles)
      command.window = UInt32(shape.window ?? 0)
      command.scale = shape.scale
      command.softCap = shape.softCap ?? 0
      command.x = try program.offset(inArena: q)
      command.y = try program.offset(inArena: out)
      command.positions = try program.offset(inArena: positions)
      command.tables = try program.offset(inArena: tables)
      command.rows = UInt32(cache.blockCount)
      command.keys = try program.offset(inCache: keys)
      command.values = try program.offset(inCache: values)
      command.splits = UInt32(splits)
      guard let split, splits > 1 else { return try program.record(command) }
      command.keyTiles = UInt32(split.keyTiles)
      command.partials = try program.offset(inArena: split.partials)
      try program.record(command)
      command.kind = StepProgram.Command.Kind.merge
      command.units = UInt32(split.tokens * shape.headCount)
      return try program.record(command)
    }
    let style = library.style
    let form = defines(shape, cache, extras)
    var tiling: [KernelLibrary.Define] = [.init("TOKENS", tileRows), .init("HEAD_ROWS", headRows)]
    let groupSize = style == .vector ? 1 : self.tiles.groupSize(isOne: tileRows == 1)
    if style == .simt { tiling.append(.init("LOCAL", groupSize)) }
    let kernel = try library.kernel(
      style == .vector ? "attention/flash_attention.vector.cl" : "attention/flash_attention.simt.cl", "flash_attention",
      form + tiling)
    // A buffer that the form does not read is any.
    let (masks, sinks) = (extras.treeMasks ?? positions, extras.sinks ?? q)
    let (logSums, partials) = (extras.logSums ?? out, split?.partials ?? out)
    let window = UInt32(shape.window ?? 0)
    try target.queue.enqueue(
      kernel, over: NDRange(global: [tileCount * groupSize, headTiles, splits], local: [groupSize, 1, 1]), q, keys,
      values, tables, tiles, positions, masks, extras.slopes ?? q, sinks, out, logSums, partials,
      UInt32(shape.headCount), UInt32(cache.kvHeadCount), UInt32(qStride), UInt32(cache.blockCount),
      UInt32(cache.blockSize), window,
      UInt32(shape.sinkKeys), UInt32(splits), UInt32(split?.keyTiles ?? 0), shape.scale, shape.softCap ?? 0)
    guard let split, splits > 1 else { return }
    let lanes = style == .vector ? TilePlan.rowGroup : 1
    try target.queue.enqueue(
      library.kernel("attention/merge.cl", "merge_partials", form),
      over: NDRange(global: [cache.valueDim / lanes, shape.headCount, split.tokens], local: [1, 1, 1]), tiles,
      positions,
      masks, sinks, out, logSums, partials, UInt32(tileCount), UInt32(shape.headCount), window, UInt32(shape.sinkKeys),
      UInt32(split.keyTiles))
  }

  /// Enqueues the merge of attentions over several sets of keys.
  ///
  /// - Parameters:
  ///   - results: (parts, rows, valueDim) as `enqueue` gives them.
  ///   - logSums: (parts, rows), of each. A learned sink belongs in one part alone.
  ///   - out: (rows, valueDim); `outLogSums` (rows): of all keys.
  public func enqueueMerge(
    results: Buffer, logSums: Buffer, parts: Int, rows: Int, valueDim: Int, into out: Buffer, outLogSums: Buffer,
    on queue: Queue
  ) throws {
    guard parts > 0, rows > 0, valueDim > 0, valueDim.isMultiple(of: 16) else {
      throw OperatorError(
        .shape, "\(parts) attentions of \(rows) rows of \(valueDim): rows must be a multiple of 16 wide, none empty")
    }
    let lanes = library.style == .vector ? TilePlan.rowGroup : 1
    try queue.enqueue(
      library.kernel("attention/merge.cl", "merge_results", [.init("HEAD_SIZE", valueDim)]),
      over: NDRange(global: [valueDim / lanes, rows], local: [1, 1]), results, logSums, out, outLogSums, UInt32(parts),
      UInt32(rows))
  }

  private func defines(_ shape: Shape, _ cache: CacheGeometry, _ extras: Extras) -> [KernelLibrary.Define] {
    [
      .init("HEAD_SIZE", cache.headDim), .init("VALUE_SIZE", cache.valueDim), .init("CACHE_TYPE", cache.cacheType),
      .init("SHARED_VALUES", cache.sharesValues ? 1 : 0), .init("KEY_TILE", tiles.keys),
      .init("MASK", shape.mask.number), .init("TREE_WORDS", shape.mask.treeWords),
      .init("HAS_SLOPES", extras.slopes == nil ? 0 : 1), .init("HAS_SINKS", extras.sinks == nil ? 0 : 1),
      .init("HAS_SUMS", extras.logSums == nil ? 0 : 1), .init("HAS_SOFT_CAP", shape.softCap == nil ? 0 : 1),
    ]
  }
}
