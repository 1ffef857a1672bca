import TesseraCL
import TesseraKernels
import TesseraMemory

/// Tiled attention over the paged cache, in all its forms: `Kernels/attention/` (Dao et al. 2022).
package struct FlashAttention: Sendable {
  let library: KernelLibrary
  private let tiles: TilePlan.Attention
  /// By which forms that have them are computed (`isTensor`).
  let tensor: IntegerDot?

  /// - Parameter tensor: in fast mode, how the device sums.
  package init(_ library: KernelLibrary, tiles: TilePlan.Attention, tensor: IntegerDot? = nil) {
    self.library = library
    self.tiles = tiles
    self.tensor = tensor
  }

  // MARK: Tiles

  /// Queries of a tile: consecutive tokens of one sequence.
  ///
  /// - Parameter longest: the most tokens that a sequence has in the batch.
  package func tileRows(longest: Int, headCount: Int, kvHeadCount: Int) -> Int {
    guard longest > 1, headCount > 0, kvHeadCount > 0 else { return 1 }
    // Rows of a tile are tokens times heads that share keys and values; the more rows the better, and of heads.
    // Of heads that tensor cores compute in some forms, all forms have tiles that both kernels hold.
    let isTensor = tensor?.isTensor == true && Self.tensorSizes.contains(tiles.headDim)
    let rows = min(tiles.rows(isOne: false), isTensor ? Self.tensorRows : .max)
    let heads = Self.headTiles(headCount / kvHeadCount, upTo: rows)
      .filter { (headCount / kvHeadCount).isMultiple(of: $0) }
      .max { rows / $0 * $0 <= rows / $1 * $1 }
    return rows / (heads ?? 1)
  }

  /// Heads that share a pass over their keys and values. Results do not depend on it.
  private func headRows(tileRows: Int, shape: Shape, cache: CacheGeometry, isTensor: Bool) -> Int {
    let group = shape.headCount / cache.kvHeadCount
    var rows = tiles.rows(isOne: tileRows == 1)
    if isTensor {
      rows = Self.tensorRows
    } else if !isSimt {
      // Of values that are keys, lanes are rows.
      if cache.sharesValues { rows = TilePlan.rowGroup }
    } else if tileRows == 1, rows < group {
      // More heads than the kernel for few rows has.
      rows = max(rows, tiles.rows(isOne: false))
    }
    return Self.headTiles(group, upTo: max(1, rows / tileRows)).last ?? 1
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
  package func splitCount(tileCount: Int, longest: Int, kvHeadCount: Int) -> Int {
    let keyTiles = max(1, (longest + TilePlan.keyTile - 1) / TilePlan.keyTile)
    let units = max(1, tileCount * kvHeadCount)
    // Cores that take units one by one end together only if there are many; a GPU's run side by side.
    let wanted = (isSimt ? 4 : 8) * library.computeUnits
    // The power of two below; on a GPU the one above, for work-groups that find no tile cost less than some that have two.
    let most = 1 << (Int.bitWidth - 1 - (isSimt ? 2 * keyTiles - 1 : keyTiles).leadingZeroBitCount)
    return min((wanted + units - 1) / units, most)
  }

  /// Bytes of a split's partial results.
  package static func partialBytes(tokens: Int, headCount: Int, valueDim: Int, longest: Int) -> Int {
    // Values are rounded up as the cache does: to 16, or to 32 where they are quantized.
    tokens * headCount * ((longest + TilePlan.keyTile - 1) / TilePlan.keyTile) * ((valueDim + 31) / 32 * 32 + 16) * 4
  }

  // MARK: Enqueuing

  /// Enqueues the attention of a ragged batch.
  ///
  /// - Parameters:
  ///   - q: token t's heads begin at t · qStride floats, (headCount, queryDim), rotated.
  ///   - values: unused where the cache shares them.
  ///   - tables: UInt32 block ids of all sequences.
  ///   - tileList: `tileCount` tiles of at most `tileRows` queries.
  ///   - positions: (tokens) Int32; the cache holds every key up to each, and of a tree all tokens in flight.
  ///   - out: (tokens, headCount, resultDim).
  package func enqueue(
    q: any DeviceMemory, qStride: Int, keys: any DeviceMemory, values: any DeviceMemory, tables: any DeviceMemory,
    tiles tileList: any DeviceMemory, tileCount: Int, tileRows: Int, positions: any DeviceMemory,
    into out: any DeviceMemory,
    shape: Shape, cache: CacheGeometry, extras: Extras = Extras(), split: Split? = nil, on sink: some CommandSink
  ) throws {
    try Self.check(shape, cache, extras, split)
    let isTensor = self.isTensor(shape, cache, extras)
    let headRows = headRows(tileRows: tileRows, shape: shape, cache: cache, isTensor: isTensor)
    let splits = split?.count ?? 1
    let group = shape.headCount / cache.kvHeadCount
    let headTiles = cache.kvHeadCount * ((group + headRows - 1) / headRows)
    let form = defines(shape, cache, extras)
    let rows = tileRows * headRows
    let kernel = isTensor ? tensorKernel(rows: rows) : kernel(rows: rows, cache)
    var block = AttentionArguments()
    block.heads = UInt32(shape.headCount)
    block.kv_heads = UInt32(cache.kvHeadCount)
    block.q_stride = UInt32(qStride)
    block.blocks = UInt32(cache.blockCount)
    block.block_size = UInt32(cache.blockSize)
    block.window = UInt32(shape.window ?? 0)
    block.sink_keys = UInt32(shape.sinkKeys)
    block.splits = UInt32(splits)
    block.key_tiles = UInt32(split?.keyTiles ?? 0)
    block.tile_count = UInt32(tileCount)
    block.first_token = UInt32(split?.firstToken ?? 0)
    block.bias_reach = UInt32(extras.bias?.reach ?? 0)
    block.scale = shape.scale
    block.soft_cap = shape.softCap ?? 0
    let views: [BufferView?] = [
      q.view, keys.view, cache.sharesValues ? nil : values.view, tables.view, tileList.view, positions.view,
      extras.treeMasks?.view, extras.slopes?.view, extras.sinks?.view, extras.bias?.table.view, out.view,
      extras.logSums?.view, splits > 1 ? split?.partials.view : nil,
    ]
    // Where keys are split, the first launch writes partial results alone.
    var own = views
    if splits > 1 { (own[10], own[11]) = (nil, nil) }
    let rowFloats = shape.headCount * (cache.queryDim + cache.resultDim)
    try sink.dispatch(
      Dispatch(
        KernelVariant(
          kernel.file, kernel.name,
          form + [.init("TOKENS", tileRows), .init("HEAD_ROWS", headRows)] + (isTensor ? tensorDefines : [])),
        block,
        views: own,
        written: splits > 1 ? [12] : extras.logSums == nil ? [10] : [10, 11],
        units: .init(splits, headTiles, tileCount), localSize: kernel.localSize,
        cost: .init(bytes: tileCount * tileRows * rowFloats * 4)), library)
    guard let split, splits > 1 else { return }
    try sink.dispatch(
      Dispatch(
        KernelVariant(isSimt ? "attention/merge.simt.cl" : "attention/merge.cl", "merge_partials", form), block,
        views: views, written: extras.logSums == nil ? [10] : [10, 11], units: .init(shape.headCount, split.tokens),
        localSize: isSimt ? min(128, tiles.fewGroupSize) : 1,
        cost: .init(bytes: split.tokens * shape.headCount * cache.resultDim * 4)), library)
  }

  private var isSimt: Bool { library.style == .simt }

  /// What computes tiles of `rows` rows.
  private func kernel(rows: Int, _ cache: CacheGeometry) -> (file: String, name: String, localSize: Int) {
    guard isSimt else { return ("attention/flash_attention.vector.cl", "flash_attention", 1) }
    return tiles.isFew(rows, keyDim: cache.headDim, valueDim: cache.valueDim)
      ? ("attention/decode_attention.simt.cl", "decode_attention", tiles.groupSize(isOne: true))
      : ("attention/flash_attention.simt.cl", "flash_attention", tiles.groupSize(isOne: false))
  }

  /// Enqueues the merge of attentions over several sets of keys.
  ///
  /// - Parameters:
  ///   - results: (parts, rows, valueDim) as `enqueue` gives them; valueDim a multiple of 16.
  ///   - logSums: (parts, rows), of each. A learned sink belongs in one part alone.
  ///   - out: (rows, valueDim); `outLogSums` (rows): of all keys.
  package func enqueueMerge(
    results: any DeviceMemory, logSums: any DeviceMemory, parts: Int, rows: Int, valueDim: Int,
    into out: any DeviceMemory, outLogSums: any DeviceMemory, on sink: some CommandSink
  ) throws {
    guard parts > 0, rows > 0, valueDim > 0, valueDim.isMultiple(of: 16) else {
      throw OperatorError(
        .shape, "\(parts) attentions of \(rows) rows of \(valueDim): none may be empty, and a row is a multiple of 16")
    }
    var block = MergeArguments()
    block.parts = UInt32(parts)
    block.rows = UInt32(rows)
    try sink.dispatch(
      Dispatch(
        KernelVariant("attention/merge.cl", "merge_results", [.init("QUERY_SIZE", valueDim)]), block,
        views: [results.view, logSums.view, out.view, outLogSums.view], written: [2, 3], units: .init(rows),
        localSize: library.style.localSize), library)
  }

  private func defines(_ shape: Shape, _ cache: CacheGeometry, _ extras: Extras) -> [KernelVariant.Define] {
    cache.defines + [
      .init("SHARED_VALUES", cache.sharesValues ? 1 : 0), .init("KEY_TILE", tiles.keys),
      .init("MASK", shape.mask.number), .init("TREE_WORDS", shape.mask.treeWords),
      .init("HAS_SLOPES", extras.slopes == nil ? 0 : 1), .init("HAS_SINKS", extras.sinks == nil ? 0 : 1),
      .init("HAS_BIAS", extras.bias == nil ? 0 : 1), .init("HAS_SUMS", extras.logSums == nil ? 0 : 1),
      .init("HAS_SOFT_CAP", shape.softCap == nil ? 0 : 1),
    ]
  }
}
