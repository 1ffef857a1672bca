import TesseraCL
import TesseraMemory

/// Tiled attention over the paged cache, in all its forms: `Kernels/attention/` (Dao et al. 2022).
public struct FlashAttention: Sendable {
  /// Which keys a query sees.
  public enum Mask: Sendable, Equatable {
    /// Those up to its own position.
    case causal
    /// All of its sequence (encoders); a window counts in both directions.
    case full
    /// All before the tokens in flight, and of those it descends from: bits of `words` UInt32 for each query, bit i for
    /// token i in flight (SpecInfer, Miao et al. 2024).
    case tree(words: Int)

    /// The number that kernels know it by.
    var number: Int {
      switch self {
      case .causal: 0
      case .full: 1
      case .tree: 2
      }
    }

    var treeWords: Int { if case .tree(let words) = self { words } else { 1 } }
  }

  /// What a layer's attention computes.
  public struct Shape: Sendable, Equatable {
    public var headCount: Int
    public var mask: Mask
    /// A query sees this many keys up to its own; nil sees all.
    public var window: Int?
    /// These first keys are seen whatever the window (StreamingLLM, Xiao et al. 2023).
    public var sinkKeys: Int
    /// Factor of the scores, usually 1/√headDim.
    public var scale: Float
    /// Scores become cap · tanh(score / cap).
    public var softCap: Float?

    public init(
      headCount: Int, mask: Mask = .causal, window: Int? = nil, sinkKeys: Int = 0, scale: Float, softCap: Float? = nil
    ) {
      self.headCount = headCount
      self.mask = mask
      self.window = window
      self.sinkKeys = sinkKeys
      self.scale = scale
      self.softCap = softCap
    }
  }

  /// What only some forms have.
  public struct Extras: Sendable {
    /// (tokens, words) UInt32 of a tree.
    public var treeMasks: Buffer?
    /// (headCount) floats m of ALiBi: −m · |distance| is added to scores (Press et al. 2022).
    public var slopes: Buffer?
    /// (headCount) floats: exp of each is added to the softmax's denominator (gpt-oss).
    public var sinks: Buffer?
    /// (tokens, headCount) floats for log Σ exp(score), by which results over different keys can be merged.
    public var logSums: Buffer?

    public init(treeMasks: Buffer? = nil, slopes: Buffer? = nil, sinks: Buffer? = nil, logSums: Buffer? = nil) {
      self.treeMasks = treeMasks
      self.slopes = slopes
      self.sinks = sinks
      self.logSums = logSums
    }
  }

  /// How work-items share long keys: each computes some of their tiles, and a second kernel merges those in order.
  /// Results do not depend on it.
  public struct Split: Sendable {
    /// Work-items that share a tile's keys.
    public var count: Int
    /// Tokens of the batch.
    public var tokens: Int
    /// The most keys of a sequence.
    public var longest: Int
    /// At least `partialBytes`.
    public var partials: Buffer

    public init(count: Int, tokens: Int, longest: Int, partials: Buffer) {
      self.count = count
      self.tokens = tokens
      self.longest = longest
      self.partials = partials
    }

    var keyTiles: Int { (longest + TilePlan.keyTile - 1) / TilePlan.keyTile }
  }

  /// Consecutive queries of one sequence.
  public struct Tile: Sendable, BitwiseCopyable {
    public var firstToken: Int32
    public var count: Int32
    /// Where the sequence's block ids begin in the tables.
    public var tableOffset: Int32
    /// For a full mask the sequence's keys, for a tree those before it.
    public var keyCount: Int32

    public init(firstToken: Int, count: Int, tableOffset: Int, keyCount: Int = 0) {
      self.firstToken = Int32(clamping: firstToken)
      self.count = Int32(clamping: count)
      self.tableOffset = Int32(clamping: tableOffset)
      self.keyCount = Int32(clamping: keyCount)
    }
  }

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
    let heads = Self.headTiles(headCount / kvHeadCount, upTo: tiles.queryRows)
      .filter { (headCount / kvHeadCount).isMultiple(of: $0) }
      .max { tiles.queryRows / $0 * $0 <= tiles.queryRows / $1 * $1 }
    return tiles.queryRows / (heads ?? 1)
  }

  /// Heads that share a pass over their keys and values. Results do not depend on it.
  private func headRows(tileRows: Int, shape: Shape, cache: CacheGeometry) -> Int {
    // Of values that are keys, lanes are rows.
    let rows = cache.sharesValues && library.style == .vector ? TilePlan.rowGroup : tiles.queryRows
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
    let wanted = 4 * library.context.device.profile.computeUnits
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
    if style == .simt { tiling.append(.init("LOCAL", self.tiles.groupSize)) }
    let kernel = try library.kernel(
      style == .vector ? "attention/flash_attention.vector.cl" : "attention/flash_attention.simt.cl", "flash_attention",
      form + tiling)
    let groupSize = style == .vector ? 1 : self.tiles.groupSize
    // A buffer that the form does not read is any.
    let (masks, sinks) = (extras.treeMasks ?? positions, extras.sinks ?? q)
    let (logSums, partials) = (extras.logSums ?? out, split?.partials ?? out)
    let window = UInt32(shape.window ?? 0)
    try target.queue.enqueue(
      kernel, over: NDRange(global: [tileCount * groupSize, headTiles, splits], local: [groupSize, 1, 1]), q, keys,
      values, tables, tiles, positions, masks, extras.slopes ?? q, sinks, out, logSums, partials,
      UInt32(shape.headCount), UInt32(cache.kvHeadCount), UInt32(qStride), UInt32(cache.blockSize), window,
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

  private static func check(_ shape: Shape, _ cache: CacheGeometry, _ extras: Extras, _ split: Split?) throws {
    let step = max(16, cache.element.blockElements)
    guard shape.headCount > 0, cache.kvHeadCount > 0, shape.headCount.isMultiple(of: cache.kvHeadCount),
      [cache.headDim, cache.valueDim].allSatisfy({ $0.isMultiple(of: step) && (32...576).contains($0) }),
      cache.blockSize.isMultiple(of: 16), cache.blockSize > 0, !cache.sharesValues || cache.valueDim <= cache.headDim
    else {
      throw OperatorError(
        .shape,
        "attention of \(shape.headCount) heads over \(cache.kvHeadCount) KV heads of \(cache.headDim), values of "
          + "\(cache.valueDim), blocks of \(cache.blockSize): heads must be a multiple of KV heads, sizes of a head a "
          + "multiple of \(step) from 32 to 576, the block size a multiple of 16")
    }
    guard shape.sinkKeys >= 0, shape.window.map({ $0 > 0 }) ?? true, shape.softCap.map({ $0 > 0 }) ?? true else {
      throw OperatorError(
        .shape,
        "a window of \(shape.window ?? 0), \(shape.sinkKeys) sink keys, a soft cap of \(shape.softCap ?? 0): where they "
          + "are given they must be positive")
    }
    if case .tree(let words) = shape.mask {
      guard (1...32).contains(words), extras.treeMasks != nil, extras.slopes == nil,
        shape.window.map({ $0 >= words * 32 }) ?? true
      else {
        throw OperatorError(
          .shape,
          "a tree of \(words) words: 1 to 32 are possible, with masks, without ALiBi, and in a window of as many tokens"
        )
      }
    }
    if let split {
      let bytes = partialBytes(
        tokens: split.tokens, headCount: shape.headCount, valueDim: cache.valueDim, longest: split.longest)
      guard split.count > 0, split.tokens > 0, split.longest > 0, split.partials.byteCount >= bytes else {
        throw OperatorError(
          .shape,
          "keys split \(split.count) ways: for \(split.tokens) tokens over \(split.longest) keys partial results take "
            + "\(bytes) bytes, the buffer has \(split.partials.byteCount)")
      }
    }
  }
}
