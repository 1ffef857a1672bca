/// How a simt work-group computes products of few tokens: `Kernels/matmul/matmul.simt.cl`, whose warps share 32 rows.
extension TilePlan.Matrix {
  /// What a weight format and a row's columns say of its blocks.
  package struct RowBlocks: Sendable {
    /// Columns of a block, and blocks of a row.
    package var size, count: Int
    /// Words of a block, and blocks whose words are loaded together.
    package var words, unit: Int
    /// Halves of a set of scales, and blocks that it is for.
    package var scales, perScale: Int

    package init(size: Int, count: Int, words: Int, unit: Int, scales: Int, perScale: Int) {
      (self.size, self.count, self.words, self.unit) = (size, count, words, unit)
      (self.scales, self.perScale) = (scales, perScale)
    }
  }

  /// The constants of the kernel.
  package struct SharedRowTile: Sendable, Equatable {
    /// Tokens of a tile: the macro `TILE_M`.
    package var tokens: Int
    /// Work-items that sum.
    package var summers: Int
    /// Blocks that a warp sums in a round, and rounds on their way from memory: the macros `SHARE` and `AHEAD`.
    package var share, ahead: Int
    /// Rows of a work-item: `LANE_ROWS`.
    package var laneRows = 1
    /// Whether a warp more has the chains: `CHAIN_ALONE`.
    package var isChainAlone = false
    /// Whether all columns are in local memory: `WHOLE`.
    package var isWhole = false

    /// Work-items of a work-group.
    package var groupSize: Int { summers + (isChainAlone ? 32 : 0) }

    private var round: Int { summers / 32 * share }

    /// Whether a work-group may have panels one after the other: `HAS_PANELS`.
    private func hasPanels(_ row: RowBlocks) -> Bool {
      isWhole && row.count.isMultiple(of: round * ahead) && row.count > round
    }

    /// Local memory of a work-group, in bytes.
    package func localBytes(_ row: RowBlocks) -> Int {
      let turn = round * ahead
      let blocks = isWhole ? (row.count + turn - 1) / turn * turn : 2 * round
      let x = blocks * (row.size * tokens + 4) * 4
      // A norm's partial sums, and magnitudes of all columns, lie where the sums of blocks do later.
      let before = max(256, isWhole ? row.count * row.size / 4 : 0)
      // Sums of x and results; where x is rounded, its scales and a round's magnitudes.
      let rest = blocks + (isWhole ? blocks : round * (4 + row.size / 4)) + 65
      let sums = (max(2 * round * 32, before) + rest) * tokens * 4
      let sets = 4 * ((round + row.perScale - 1) / row.perScale) * row.scales * 64
      return x + sums + sets
    }

    /// How many work-groups to launch for `panels` panels of 32 rows: about three a compute unit, each with several panels, so that
    /// none has to begin after another has ended.
    package func groups(panels: Int, _ row: RowBlocks, units: Int) -> Int {
      let each = hasPanels(row) ? max(1, panels / (3 * units)) : 1
      return (panels + each - 1) / each
    }
  }

  /// The most tokens of such a product, in tiles of at most 8.
  package static let mostSharedRowTokens = 16

  /// The tile of a product of `count` tokens, or of tiles of so many, with `panels` panels of 32 rows.
  ///
  /// - Parameter weights: the class of the weights' format.
  package func sharedRowTile(tokens count: Int, _ row: RowBlocks, weights: String, panels: Int) -> SharedRowTile {
    let name = Tuning.matmul(count == 1 ? .one : .few, weights)
    let tokens = [1, 2, 4].first { $0 >= count } ?? 8
    let plain = shape(row, tokens: tokens, panelsOfUnit: Double(panels) / Double(computeUnits))
    let units = tuning[name, "SHARE"] ?? plain.units
    var tile = SharedRowTile(
      tokens: tokens, summers: tuning[name, "LOCAL"] ?? plain.summers, share: row.unit * units,
      ahead: tuning[name, "AHEAD"] ?? plain.ahead)
    // With a work-group or two a unit, of not many warps, nothing else hides the chain.
    tile.isChainAlone =
      tokens == 1 && panels <= 2 * computeUnits && tile.summers <= 256 && tile.groupSize + 32 <= maxGroupSize
    func fits() -> Bool {
      tile.laneRows = tile.share.isMultiple(of: 2 * row.unit) && row.count >= 2 * row.unit ? 2 : 1
      // Staged once. Of several tokens it would take a unit's local memory.
      tile.isWhole = tokens == 1
      if tile.isWhole, tile.localBytes(row) <= localBytes { return true }
      tile.isWhole = false
      return tile.localBytes(row) <= localBytes
    }
    while !fits() || tile.groupSize > maxGroupSize || tile.summers / 32 * tile.share >= 2 * row.count,
      tile.summers > 64
    { tile.summers /= 2 }
    while !fits(), tile.share > row.unit { tile.share /= 2 }
    while !fits(), tile.tokens > 1 { tile.tokens /= 2 }
    return tile
  }

  /// The work-items that sum, units of a share (from two on with two rows a work-item) and rounds ahead: more ahead where few
  /// work-groups run beside each other, which hide each other's waits; else few registers, so that they are many. Chosen by
  /// registers and counts of sm_90's machine code, not on a card. Two rows of several tokens take more registers than AMD's and
  /// Intel's work-items have; their work-groups have at most 256.
  private func shape(
    _ row: RowBlocks, tokens: Int, panelsOfUnit: Double
  ) -> (summers: Int, units: Int, ahead: Int) {
    let words = row.words * row.unit
    if tokens > 1 {
      guard row.unit == 1, words <= 8, maxGroupSize > 256 else { return (256, 1, 1) }
      return (tokens == 2 ? 256 : 128, 2, words <= 4 ? 2 : 1)
    }
    if row.unit == 1, words <= 4 {
      return panelsOfUnit <= 1 ? (256, 4, 2) : panelsOfUnit < 4 ? (256, 2, 2) : (256, 4, 1)
    }
    if words >= 16 { return (words < 32 ? 512 : 256, 1, 1) }
    if words <= 8 { return (256, 2, row.unit > 1 || panelsOfUnit < 4 ? 2 : 1) }
    return panelsOfUnit < 4 ? (512, 1, 1) : (256, 1, 2)
  }
}
