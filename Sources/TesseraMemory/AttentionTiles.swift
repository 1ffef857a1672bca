extension TilePlan {
  /// Tiles of attention.
  package struct Attention: Sendable, Equatable, Codable {
    /// The most rows, queries times heads, that share a pass over the keys: `TOKENS` · `HEAD_ROWS`.
    package var queryRows: Int
    /// Keys of one softmax, whose results are merged: the macro `KEY_TILE`. Fixed, because it decides the order of the
    /// sums.
    package var keys = TilePlan.keyTile
    /// Work-items of a work-group: the macro `LOCAL`; 1 for the vector style.
    package var groupSize = 1
    /// The most rows of the simt kernel for few, and its work-items; 0 for the vector style, which has one kernel.
    package var fewRows = 0
    package var fewGroupSize = 0
    /// Local memory that a work-group may have, in bytes; 0 for the vector style.
    package var localBytes = 0
    /// Values that were measured to be better, for heads of `headDim`.
    package var tuning = Tuning()
    package var headDim = 0

    package init(queryRows: Int) { self.queryRows = queryRows }

    /// The most rows of a tile of one query, or of many.
    package func rows(isOne: Bool) -> Int { choice(isOne: isOne).rows }

    /// Work-items of a work-group, likewise.
    package func groupSize(isOne: Bool) -> Int { choice(isOne: isOne).groupSize }

    private func choice(isOne: Bool) -> (rows: Int, groupSize: Int) {
      let isFew = isOne && fewRows > 0
      let plain = isFew ? (fewRows, fewGroupSize) : (queryRows, groupSize)
      let name = Tuning.attention(isOne: isOne, headDim: headDim)
      let chosen = (tuning[name, "ROWS"] ?? plain.0, tuning[name, "LOCAL"] ?? plain.1)
      guard fewRows > 0 else { return chosen }
      // Another device of the platform may have more local memory.
      let bytes = isFew ? fewBytes(chosen.0, headDim, headDim) : Self.manyBytes(chosen.0, chosen.1, headDim)
      return bytes <= localBytes && chosen.0 <= chosen.1 ? chosen : plain
    }

    /// Whether the simt kernel for few rows can have `rows`, of keys and values as the cache rounds them up.
    package func isFew(_ rows: Int, keyDim: Int, valueDim: Int) -> Bool {
      rows <= min(Self.mostFewRows, fewGroupSize) && fewBytes(rows, keyDim, valueDim) <= localBytes
    }
  }
}

extension TilePlan.Attention {
  /// Rows of `Kernels/attention/decode_attention.simt.cl`.
  private static let mostFewRows = 16
  /// Registers of a work-item for scores and sums: a half of the 255 that it may have on NVIDIA's GPUs.
  private static let registers = 128

  /// Tiles in the simt style: as many rows as registers hold, for the larger the part of both products that a work-item
  /// computes, the fewer are its loads from local memory.
  ///
  /// Throws ``MemoryError`` when local memory cannot hold eight rows.
  init(limits: DeviceLimits, headDim: Int, tuning: Tuning) throws(MemoryError) {
    let most = limits.maxWorkGroupSize, size = (headDim + 31) / 32 * 32
    groupSize = [256, 128, 64, 32].first { $0 <= most } ?? 16
    fewGroupSize = groupSize
    localBytes = limits.localMemoryBytes
    (queryRows, self.tuning, self.headDim) = (8, tuning, headDim)
    let (group, bytes) = (groupSize, limits.localMemoryBytes)
    if let rows = [64, 32, 16].first(where: {
      $0 * (TilePlan.keyTile + 2 * size) <= Self.registers * group && Self.manyBytes($0, group, size) <= bytes
    }) {
      queryRows = rows
    }
    let needed = Self.manyBytes(queryRows, group, size)
    guard needed <= bytes else {
      throw MemoryError(
        .invalidRequest,
        "\(limits.name) has \(bytes) bytes of local memory, attention over heads of \(headDim) needs \(needed): use "
          + "TESSERA_STYLE=vector or another device")
    }
    fewRows = [16, 8, 4, 2].first { isFew($0, keyDim: size, valueDim: size) } ?? 1
  }

  /// Local memory of `flash_attention.simt.cl`: two steps of keys and queries, or weights of 64 keys and two parts of values;
  /// and of each row 16 lanes, what it sees and the state of its softmax.
  private static func manyBytes(_ rows: Int, _ groupSize: Int, _ valueDim: Int) -> Int {
    let rows = rows <= 8 ? 8 : rows <= 16 ? 16 : rows <= 32 ? 32 : 64
    let step = 8 * max(1, groupSize / TilePlan.keyTile)
    let scores = 2 * step * (TilePlan.keyTile + rows + 4)
    let largest = rows * (groupSize / 8 + 4)
    let values = 64 * rows + 2 * part(valueDim) * valueDim
    return 4 * max(scores, largest, values) + rows * (4 * 16 + 12 + 12) + 8 * TilePlan.keyTile / 16
  }

  /// Local memory of `decode_attention.simt.cl`: queries, weights of a tile and two parts of values; the rest likewise.
  private func fewBytes(_ used: Int, _ keyDim: Int, _ valueDim: Int) -> Int {
    let rows = used <= 1 ? 1 : 1 << (Int.bitWidth - (used - 1).leadingZeroBitCount)
    return 4 * (used * keyDim + rows * TilePlan.keyTile + 2 * Self.part(valueDim) * valueDim) + 12 * used
      + rows * (4 * 16 + 12) + 8 * TilePlan.keyTile / 16
  }

  /// Keys whose values are in local memory at once: `PART` of `values.simt.cl`.
  private static func part(_ valueDim: Int) -> Int { valueDim <= 128 ? 16 : valueDim <= 256 ? 8 : 4 }
}
