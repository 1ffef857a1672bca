import TesseraCL
import TesseraMemory

/// Tiled attention over the paged cache with an online softmax: `Kernels/attention/flash_attention.*.cl`
/// (Dao et al. 2022).
public struct FlashAttention: Sendable {
  /// What a layer's attention computes.
  public struct Shape: Sendable, Equatable {
    public var headCount: Int
    /// A query sees this many keys up to its own; nil sees all.
    public var window: Int?
    /// Factor of the scores, usually 1/√headDim.
    public var scale: Float
    /// Scores become cap · tanh(score / cap).
    public var softCap: Float?

    public init(headCount: Int, window: Int? = nil, scale: Float, softCap: Float? = nil) {
      (self.headCount, self.window, self.scale, self.softCap) = (headCount, window, scale, softCap)
    }
  }

  /// Consecutive queries of one sequence.
  public struct Tile: Sendable, BitwiseCopyable {
    public var firstToken: Int32
    public var count: Int32
    /// Where the sequence's block ids begin in the tables.
    public var tableOffset: Int32
    private var reserved: Int32 = 0

    public init(firstToken: Int, count: Int, tableOffset: Int) {
      self.firstToken = Int32(firstToken)
      self.count = Int32(count)
      self.tableOffset = Int32(tableOffset)
    }
  }

  private let library: KernelLibrary
  private let tiles: TilePlan.Attention

  public init(_ library: KernelLibrary, tiles: TilePlan.Attention) {
    self.library = library
    self.tiles = tiles
  }

  /// Queries of a tile: consecutive tokens of one sequence.
  ///
  /// - Parameter longest: the most tokens that a sequence has in the batch.
  public func tileRows(longest: Int, headCount: Int, kvHeadCount: Int) -> Int {
    guard longest > 1 else { return 1 }
    guard library.style == .vector, headCount > 0, kvHeadCount > 0 else { return tiles.queryRows }
    // Rows of a tile are tokens times heads that share keys and values; the more rows the better, and of heads.
    let heads = Self.divisors(headCount / kvHeadCount, upTo: tiles.queryRows)
      .max { tiles.queryRows / $0 * $0 <= tiles.queryRows / $1 * $1 }
    return tiles.queryRows / (heads ?? 1)
  }

  /// Heads that share a pass over their keys and values. Results do not depend on it.
  private func headRows(tileRows: Int, tileCount: Int, shape: Shape, cache: CacheGeometry) -> Int {
    guard library.style == .vector else { return 1 }
    let fitting = Self.divisors(shape.headCount / cache.kvHeadCount, upTo: max(1, tiles.queryRows / tileRows))
    // Every core needs work.
    let cores = library.context.device.profile.computeUnits
    return fitting.last { tileCount * shape.headCount / $0 >= 2 * cores } ?? 1
  }

  /// The divisors of `number` that are at most `limit`, ascending.
  private static func divisors(_ number: Int, upTo limit: Int) -> [Int] {
    (1...max(1, min(number, limit))).filter { number.isMultiple(of: $0) }
  }

  /// Enqueues the attention of a ragged batch.
  ///
  /// - Parameters:
  ///   - q: token t's heads begin at t · qStride floats, (headCount, headDim), rotated.
  ///   - tables: UInt32 block ids of all sequences.
  ///   - tiles: `tileCount` tiles of at most `tileRows` queries.
  ///   - positions: (tokens) Int32; the cache holds every key up to each.
  ///   - out: (tokens, headCount, headDim).
  public func enqueue(
    q: Buffer, qStride: Int, keys: Buffer, values: Buffer, tables: Buffer, tiles: Buffer, tileCount: Int, tileRows: Int,
    positions: Buffer, into out: Buffer, shape: Shape, cache: CacheGeometry,
    on target: some CommandTarget
  ) throws {
    guard shape.headCount > 0, cache.kvHeadCount > 0, shape.headCount.isMultiple(of: cache.kvHeadCount),
      cache.headDim.isMultiple(of: 32), (32...256).contains(cache.headDim), cache.blockSize.isMultiple(of: 16),
      cache.blockSize > 0
    else {
      throw OperatorError(
        .shape,
        "attention of \(shape.headCount) heads over \(cache.kvHeadCount) KV heads of \(cache.headDim), blocks of "
          + "\(cache.blockSize): heads must be a multiple of KV heads, the head size a multiple of 32 from 32 to 256, "
          + "the block size a multiple of 16")
    }
    let headRows = headRows(tileRows: tileRows, tileCount: tileCount, shape: shape, cache: cache)
    if let program = target.program {
      try program.require(
        StepProgram.AttentionShape(
          headCount: shape.headCount, tileRows: tileRows, headRows: headRows, cache: cache))
      var command = StepProgram.Command(
        StepProgram.Command.Kind.attention, units: tileCount * shape.headCount / headRows)
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
      return try program.record(command)
    }
    let style = library.style
    let kernel = try library.kernel(
      style == .vector ? "attention/flash_attention.vector.cl" : "attention/flash_attention.simt.cl", "flash_attention",
      [
        .init("HEAD_SIZE", cache.headDim), .init("CACHE_HALF", cache.isHalf ? 1 : 0),
        .init("KEY_TILE", self.tiles.keys),
      ]
        + (style == .vector
          ? [.init("TOKENS", tileRows), .init("HEAD_ROWS", headRows)]
          : [.init("ROWS", tileRows), .init("LOCAL", self.tiles.groupSize)]))
    let range =
      style == .vector
      ? NDRange(global: [tileCount, shape.headCount / headRows], local: [1, 1])
      : NDRange(global: [tileCount * self.tiles.groupSize, shape.headCount], local: [self.tiles.groupSize, 1])
    try target.queue.enqueue(
      kernel, over: range, q, keys, values, tables, tiles, positions, out, UInt32(shape.headCount),
      UInt32(cache.kvHeadCount), UInt32(qStride), UInt32(cache.blockSize), UInt32(shape.window ?? 0), shape.scale,
      shape.softCap ?? 0)
  }
}
