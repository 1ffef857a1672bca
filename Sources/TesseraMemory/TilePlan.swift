import TesseraCL

/// How a kernel spreads its work over a device; the suffix of its file's name.
package enum KernelStyle: String, Sendable, CaseIterable, Codable {
  /// One work-item does the work of a core, with wide explicit vectors: CPU devices.
  case vector
  /// A work-item is one lane among many, in work-groups with local memory: GPUs, and every other device.
  case simt

  /// The style that suits a device.
  package init(for profile: DeviceProfile) { self = profile.type == .cpu ? .vector : .simt }
}

/// The tile shapes that kernels are built with on one device, chosen in one place.
///
/// Tiles change speed only: every variant sums in the same order.
package struct TilePlan: Sendable, Equatable, Codable {
  /// Tiles of a matrix product y[token, row].
  package struct Matrix: Sendable, Equatable, Codable {
    /// Tokens of the largest tile: the macro `TILE_M`.
    package var tokens: Int
    /// Groups of 16 weight rows of a tile: the macro `TILE_N`. Even, because gate and up rows alternate by group.
    package var rowGroups: Int
    /// Work-items of a work-group along the weight rows: a multiple of 16, or 1 for the vector style.
    package var groupSize: Int
    /// Tiles of tokens that share one unpacking of the weights, where a tile is the largest one: the macro `TILES`.
    package var repeats = 1
    /// Vectors of sums that registers hold (`heldSums(vectorWidth:)`); 0 for the simt style.
    package var heldSums = 0
    /// What a work-group may have, and how many run at once at least; nothing for the vector style.
    package var maxGroupSize = 1, localBytes = 0, computeUnits = 1
    /// Values that were measured to be better, by class.
    package var tuning = Tuning()

    /// A tile that a kernel is built with.
    package struct Tile: Sendable, Equatable {
      /// `TILE_M`, `TILE_N` and `TILES`.
      package var tokens, groups, repeats: Int
      /// How far ahead of their use weights are fetched: the macro `PREFETCH_WORDS`.
      package var prefetchWords = 2048
      /// Work-items of a work-group.
      package var groupSize: Int
    }

    /// The tile of a product of `tokens` tokens.
    ///
    /// - Parameters:
    ///   - weights: the class of the weights' format.
    ///   - isGated: gate and up rows alternate by group, so that a tile holds pairs of groups.
    ///   - ofStep: the product is part of a step that runs in one launch.
    package func tile(tokens count: Int, weights: String, isGated: Bool = false, ofStep: Bool = false) -> Tile {
      let name = (ofStep ? Tuning.step : Tuning.matmul)(.init(count), weights)
      var largest = self
      largest.tokens = tuning[name, "TILE_M"] ?? tokens
      var tile = Tile(
        tokens: largest.tokenTile(for: count), groups: tuning[name, "TILE_N"] ?? rowGroups, repeats: 1,
        groupSize: groupSize)
      if tile.tokens == largest.tokens { tile.repeats = tuning[name, "TILES"] ?? repeats }
      let held = Self.heldTile
      if count > tile.tokens, tile.tokens > held, held * tile.groups <= heldSums, count <= Self.mostInHeldTiles,
        (count + held - 1) / held * held <= (count + tile.tokens - 1) / tile.tokens * tile.tokens
      {
        (tile.tokens, tile.repeats) = (held, 1)
      }
      if isGated, !tile.groups.isMultiple(of: 2) { tile.groups = 2 }
      if let words = tuning[name, "PREFETCH_WORDS"] { tile.prefetchWords = words }
      return tile
    }

    /// Tokens of a tile that unpacks weights into registers, beside its sums. Up to so many tokens such tiles are as fast as
    /// larger ones that share an unpacking in memory, and faster where the last of those would be padded more.
    private static let heldTile = 8, mostInHeldTiles = 64

    /// The token tiles that kernels are built for, smallest first.
    package var tokenTiles: [Int] { TilePlan.tokenTiles.filter { $0 <= tokens } }

    /// The smallest tile that holds `tokenCount` tokens, else the largest one.
    package func tokenTile(for tokenCount: Int) -> Int {
      tokenTiles.first { $0 >= tokenCount } ?? tokens
    }
  }

  /// Keys of one attention step on every device.
  package static let keyTile = 256
  /// Weight rows that lie side by side in the interleaved weight layout.
  package static let rowGroup = 16
  /// The values that `TILE_M` may have.
  package static let tokenTiles = [1, 4, 8, 12]

  /// The style of all kernels on the device.
  package let style: KernelStyle
  /// The tiles of matrix products.
  package let matrix: Matrix
  /// The head size that `attention` is for.
  package let headDim: Int
  /// The tiles of attention.
  package let attention: Attention

  /// The tiles for `limits` and heads of `headDim` elements.
  ///
  /// `style` overrides the device's own (the command passes `TESSERA_STYLE`): `.vector` on a CPU, else `.simt`.
  ///
  /// `tuning` is what was measured for the device and style (`TuningDatabase`); nothing by default.
  ///
  /// Throws ``MemoryError`` when the device's local memory or work-groups cannot hold even the smallest tile.
  package init(
    limits: DeviceLimits, headDim: Int, style: KernelStyle? = nil, tuning: Tuning = Tuning()
  ) throws(MemoryError) {
    guard (1...4096).contains(headDim) else {
      throw MemoryError(.invalidRequest, "a head of \(headDim) elements: tiles exist for 1 to 4096")
    }
    let style = style ?? (limits.isCPU ? .vector : .simt)
    self.style = style
    self.headDim = headDim
    switch style {
    case .vector:
      var matrix = Self.vectorMatrix(limits)
      matrix.tuning = tuning
      self.matrix = matrix
      var attention = Self.vectorAttention(headDim)
      (attention.tuning, attention.headDim) = (tuning, headDim)
      self.attention = attention
    case .simt:
      let groupSize = try Self.groupSize(limits)
      // A work-group beyond the device's limit may have been chosen on another device of the platform.
      let tuning = tuning.limited("LOCAL", to: limits.maxWorkGroupSize)
      matrix = Matrix(
        tokens: 8, rowGroups: 2, groupSize: groupSize, maxGroupSize: limits.maxWorkGroupSize,
        localBytes: limits.localMemoryBytes, computeUnits: limits.computeUnits, tuning: tuning)
      self.attention = try Attention(limits: limits, headDim: headDim, tuning: tuning)
    }
  }

  /// Vectors of 16 sums that a core's registers hold beside what is multiplied, three quarters of them: the macro
  /// `HELD_SUMS`. 24 of AVX-512's 32 registers, 6 of AVX2's 16, where a vector is two registers.
  ///
  /// - Parameter vectorWidth: floats of a register.
  package static func heldSums(vectorWidth: Int) -> Int {
    let registers = vectorWidth >= rowGroup ? 32 : 16
    return max(2, registers * 3 / 4 / max(1, rowGroup / max(1, vectorWidth)))
  }

  /// Weights are unpacked once for several tiles, into the first-level cache, and sums go through the registers in parts:
  /// where those are fewer, fewer tiles share the cache.
  private static func vectorMatrix(_ limits: DeviceLimits) -> Matrix {
    Matrix(
      tokens: 12, rowGroups: 2, groupSize: 1, repeats: limits.vectorWidth >= rowGroup ? 8 : 4,
      heldSums: heldSums(vectorWidth: limits.vectorWidth))
  }

  /// Queries and scores of a tile stay in a first-level cache of 32 KiB.
  private static func vectorAttention(_ headDim: Int) -> Attention {
    let bytesPerRow = 4 * (headDim + keyTile)
    let rows = tokenTiles.last { $0 * bytesPerRow <= 32 << 10 } ?? 1
    return Attention(queryRows: rows)
  }

  /// 64 work-items.
  private static func groupSize(_ limits: DeviceLimits) throws(MemoryError) -> Int {
    guard limits.maxWorkGroupSize >= 64 else {
      throw MemoryError(
        .invalidRequest,
        "\(limits.name) has work-groups of at most \(limits.maxWorkGroupSize), simt kernels need 64: use "
          + "TESSERA_STYLE=vector or another device")
    }
    return 64
  }
}
