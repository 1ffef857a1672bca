/// A tile of a product of many tokens in the simt style, which passes through local memory: `Kernels/matmul/tiles.simt.cl`.
package struct WideTile: Sendable, Equatable, Codable {
  /// The macro `TILE_M`.
  package var tokens: Int
  /// Weight rows: the macro `TILE_ROWS`.
  package var rows: Int
  /// Tokens of a work-item, which has 8 rows of each.
  package var itemTokens = 4

  /// Work-items of a work-group.
  package var groupSize: Int { rows / 8 * (tokens / itemTokens) }
  /// Two stages of 16 columns, and the scales and sums of four blocks.
  var localBytes: Int { 4 * (2 * 16 * (rows + tokens) + 4 * (2 * rows + tokens)) }

  /// Those that are chosen from where nothing was measured, the larger first: the fastest of an H100.
  static let usual = [WideTile(tokens: 64, rows: 64), .init(tokens: 32, rows: 64)]
  /// Those and all that tuning may choose.
  static let all =
    usual + [
      .init(tokens: 128, rows: 128, itemTokens: 8), .init(tokens: 128, rows: 64, itemTokens: 8),
      .init(tokens: 64, rows: 128, itemTokens: 8), .init(tokens: 64, rows: 64, itemTokens: 8),
      .init(tokens: 64, rows: 128), .init(tokens: 128, rows: 64), .init(tokens: 32, rows: 128),
    ]
}

extension TilePlan.Matrix {
  /// Those that the device can run, the usual ones first; none in the vector style.
  package var wideTiles: [WideTile] {
    WideTile.all.filter { $0.groupSize <= maxGroupSize && $0.localBytes <= localBytes }
  }

  /// The wide tile of a product; nil where tiles of few tokens are as fast.
  ///
  /// The larger of the usual ones, unless it leaves units without work.
  ///
  /// - Parameters:
  ///   - count: of tokens.
  ///   - rows: of the weights.
  ///   - weights: the class of the weights' format.
  package func wideTile(tokens count: Int, rows: Int, weights: String) -> WideTile? {
    guard count > Self.mostSharedRowTokens else { return nil }
    let name = Tuning.wide(weights)
    if let tokens = tuning[name, "TILE_M"], let rows = tuning[name, "TILE_ROWS"], let of = tuning[name, "ITEM_TOKENS"],
      count >= tokens,
      let tile = wideTiles.first(where: { $0 == WideTile(tokens: tokens, rows: rows, itemTokens: of) })
    {
      return tile
    }
    let tiles = wideTiles.filter { $0.tokens < 2 * count && WideTile.usual.contains($0) }
    func groups(_ tile: WideTile) -> Int {
      (count + tile.tokens - 1) / tile.tokens * ((rows + tile.rows - 1) / tile.rows)
    }
    // Of an H100: with fewer work-items a unit, tiles of few tokens, 20 of 62 TFLOP/s, are faster.
    return tiles.first { groups($0) * $0.groupSize >= 96 * computeUnits }
  }

  /// The wide tile of products of experts, whose tiles have `tokens`.
  package func wideTile(ofExperts tokens: Int) -> WideTile? { wideTiles.first { $0.tokens == tokens } }

  /// Tokens of a tile of experts that have `count` each; nil where it is computed in tiles of few tokens.
  package func wideExpertTokens(tokens count: Int) -> Int? {
    count > Self.mostSharedRowTokens ? wideTiles.first { $0.tokens < 2 * count }?.tokens : nil
  }
}
