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
    /// Work-items of a work-group.
    package var groupSize: Int
    /// Blocks that a warp sums in a round, and rounds on their way from memory: the macros `SHARE` and `AHEAD`.
    package var share, ahead: Int

    /// Local memory of a work-group, in bytes.
    package func localBytes(_ row: RowBlocks) -> Int {
      let round = groupSize / 32 * share
      let x = 2 * round * (row.size * tokens + 4) * 4
      // A norm's partial sums lie where the sums of blocks do later; then sums of x, and scales where it is rounded.
      let sums = max(2 * round * 32, 256) * tokens * 4 + 4 * round * tokens * 4
      let sets = 3 * ((round + row.perScale - 1) / row.perScale) * row.scales * 64
      return x + sums + sets
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
    let plain = Self.shape(row, tokens: tokens, isMany: panels >= 4 * computeUnits)
    let share = row.unit * (tuning[name, "SHARE"] ?? plain.units)
    var tile = SharedRowTile(
      tokens: tokens, groupSize: tuning[name, "LOCAL"] ?? plain.groupSize, share: share,
      ahead: tuning[name, "AHEAD"] ?? plain.ahead)
    while tile.groupSize > 64,
      tile.groupSize > maxGroupSize || tile.localBytes(row) > localBytes || tile.groupSize / 32 * share >= 2 * row.count
    { tile.groupSize /= 2 }
    while tile.share > row.unit, tile.localBytes(row) > localBytes { tile.share /= 2 }
    while tile.tokens > 1, tile.localBytes(row) > localBytes { tile.tokens /= 2 }
    return tile
  }

  /// The fastest shapes of an H100, where work-groups of 512 fill the units with few panels of wide formats, and several of 256
  /// hide each other's waits. `units` are those of a share.
  private static func shape(
    _ row: RowBlocks, tokens: Int, isMany: Bool
  ) -> (groupSize: Int, units: Int, ahead: Int) {
    let words = row.words * row.unit
    guard tokens == 1 else { return (256, 1, row.unit > 1 || words > 8 ? 1 : 2) }
    if row.unit == 1, row.words <= 4 { return (256, 2, 2) }
    if words >= 16 { return (512, 1, 1) }
    if words <= 4 { return (256, 1, 4) }
    return row.unit > 1 && isMany ? (256, 1, 2) : (512, 1, row.unit > 1 ? 1 : 2)
  }
}
