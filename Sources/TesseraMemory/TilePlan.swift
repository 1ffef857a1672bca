/// How a kernel spreads its work over a device; the suffix of its file's name.
public enum KernelStyle: String, Sendable, CaseIterable, Codable {
  /// One work-item does the work of a core, with wide explicit vectors: CPU devices.
  case vector
  /// Portable work-groups and local memory: GPUs, and every other device.
  case simt
}

/// The tile shapes that kernels are built with on one device, chosen in one place.
///
/// Tiles change speed only: every variant sums in the same order.
public struct TilePlan: Sendable, Equatable, Codable {
  /// Tiles of a matrix product y[token, row].
  public struct Matrix: Sendable, Equatable, Codable {
    /// Tokens of the largest tile: the macro `TILE_M`.
    public var tokens: Int
    /// Groups of 16 weight rows of a tile: the macro `TILE_N` of the vector style.
    public var rowGroups: Int
    /// Columns that are staged in local memory at once, one quantisation block; simt only.
    public var depth: Int
    /// Work-items of a work-group along tokens and along weight rows; (1, 1) for the vector style.
    public var groupSize: (tokens: Int, rows: Int) { (groupTokens, groupRows) }
    var groupTokens: Int
    var groupRows: Int

    /// Token tiles that kernels are built for, smallest first.
    public var tokenTiles: [Int] { TilePlan.tokenTiles.filter { $0 <= tokens } }

    /// The smallest tile that holds `tokenCount` tokens, else the largest one.
    public func tokenTile(for tokenCount: Int) -> Int {
      tokenTiles.first { $0 >= tokenCount } ?? tokens
    }
  }

  /// Tiles of attention.
  public struct Attention: Sendable, Equatable, Codable {
    /// Query rows (tokens × heads of one group) that share a pass over the keys.
    public var queryRows: Int
    /// Keys of one online-softmax step. Fixed, because it decides the order of the sums.
    public var keys: Int
    /// Elements of the head that are staged in local memory at once; the whole head for the vector style.
    public var depth: Int
    /// Work-items of a work-group; 1 for the vector style.
    public var groupSize: Int
  }

  /// Keys of one attention step on every device.
  public static let keyTile = 64
  /// Weight rows that lie side by side in the interleaved weight layout.
  public static let rowGroup = 16
  /// The values that `TILE_M` may have.
  public static let tokenTiles = [1, 4, 8, 12]

  /// The style of all kernels on the device.
  public let style: KernelStyle
  /// The tiles of matrix products.
  public let matrix: Matrix
  /// The head size that `attention` is for.
  public let headDim: Int
  /// The tiles of attention.
  public let attention: Attention

  /// The tiles for `limits` and heads of `headDim` elements.
  ///
  /// `style` overrides the device's own (the command passes `TESSERA_STYLE`): `.vector` on a CPU, else `.simt`.
  ///
  /// Throws ``MemoryError`` when the device's local memory cannot hold even the smallest tile.
  public init(limits: DeviceLimits, headDim: Int, style: KernelStyle? = nil) throws(MemoryError) {
    guard (1...4096).contains(headDim) else {
      throw MemoryError(.invalidRequest, "a head of \(headDim) elements: tiles exist for 1 to 4096")
    }
    let style = style ?? (limits.isCPU ? .vector : .simt)
    self.style = style
    self.headDim = headDim
    switch style {
    case .vector:
      matrix = Self.vectorMatrix(limits)
      attention = Self.vectorAttention(headDim)
    case .simt:
      matrix = try Self.simtMatrix(limits)
      attention = try Self.simtAttention(limits, headDim)
    }
  }

  /// Accumulators are float16 vectors, TILE_M × TILE_N of them. They take three quarters of the vector registers: 32
  /// registers at a width of 16 (AVX-512), else 16 (AVX2); the rest hold weights and activations.
  private static func vectorMatrix(_ limits: DeviceLimits) -> Matrix {
    let registers = limits.vectorWidth >= 16 ? 32 : 16
    let perAccumulator = max(1, rowGroup / limits.vectorWidth)
    let available = registers * 3 / 4 / perAccumulator
    var best = (tokens: 1, groups: 1)
    for groups in [2, 1] {
      for tokens in tokenTiles where tokens * groups <= available && tokens * groups > best.tokens * best.groups {
        best = (tokens, groups)
      }
    }
    return Matrix(tokens: best.tokens, rowGroups: best.groups, depth: 32, groupTokens: 1, groupRows: 1)
  }

  /// Queries, scores and outputs of a tile stay in the first-level cache: at most 24 KiB, at most 16 rows.
  private static func vectorAttention(_ headDim: Int) -> Attention {
    let bytesPerRow = 4 * (2 * headDim + keyTile)
    let rows = [16, 8, 4, 2].first { $0 * bytesPerRow <= 24 << 10 } ?? 1
    return Attention(queryRows: rows, keys: keyTile, depth: headDim, groupSize: 1)
  }

  /// Every work-item holds 4 × 4 outputs; a tile's activations and weights, 32 columns of each, lie in local memory.
  private static func simtMatrix(_ limits: DeviceLimits) throws(MemoryError) -> Matrix {
    for (tokens, rows) in [(64, 64), (32, 64), (32, 32), (16, 32), (16, 16), (8, 16), (4, 16)] {
      let (groupTokens, groupRows) = (tokens / 4, rows / 4)
      let localBytes = 4 * 32 * (tokens + rows)
      if localBytes <= limits.localMemoryBytes / 2, groupTokens * groupRows <= min(256, limits.maxWorkGroupSize) {
        return Matrix(
          tokens: tokens, rowGroups: rows / rowGroup, depth: 32, groupTokens: groupTokens, groupRows: groupRows)
      }
    }
    throw tooSmall(limits, "a matrix product", bytes: 2 * 4 * 32 * (4 + 16))
  }

  /// Local memory holds the queries, the scores, and a slice of the keys or values of one step.
  private static func simtAttention(_ limits: DeviceLimits, _ headDim: Int) throws(MemoryError) -> Attention {
    for rows in [32, 16, 8, 4, 2, 1] {
      for depth in [64, 32, 16] where depth == 16 || depth <= headDim {
        let localBytes = 4 * (rows * headDim + rows * keyTile + keyTile * depth)
        if localBytes <= limits.localMemoryBytes * 3 / 4, keyTile <= limits.maxWorkGroupSize {
          return Attention(queryRows: rows, keys: keyTile, depth: depth, groupSize: keyTile)
        }
      }
    }
    throw tooSmall(limits, "attention over heads of \(headDim)", bytes: 4 * (headDim + keyTile + keyTile * 16))
  }

  private static func tooSmall(_ limits: DeviceLimits, _ what: String, bytes: Int) -> MemoryError {
    MemoryError(
      .invalidRequest,
      "\(limits.name) has \(limits.localMemoryBytes) bytes of local memory and work-groups of "
        + "\(limits.maxWorkGroupSize), \(what) needs at least \(bytes) bytes and 64 work-items: use another device")
  }
}
