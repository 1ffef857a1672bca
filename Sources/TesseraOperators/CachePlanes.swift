import TesseraCL
import TesseraMemory

/// Pools of keys, or of values, of some layers of a group, at even distances in one buffer: what one launch of
/// `Kernels/cache/` serves.
struct CachePlane {
  /// The buffer that the pools lie in.
  let buffer: Buffer
  /// Where the first pool begins, and from each to the next, in bytes.
  let offset, stride: Int
  let poolCount: Int
  let isKeys: Bool
  let encoding: KVEncoding
  let headCount: Int
  /// Elements of a head.
  let size: Int
  /// Blocks of a pool, and tokens of a block.
  let blockCount, blockSize: Int
  /// Bytes of one head's block.
  let headBytes: Int
  /// In an image of a block: where the first pool's part begins, and from each to the next, in bytes.
  let imageOffset, imageStride: Int

  /// Bytes of the kernels' `cache_element`.
  var elementBytes: Int { encoding.blockElements == 1 ? encoding.blockBytes : 1 }

  /// Pieces of a token's head that are moved one by one: `units` of `Kernels/cache/blocks.cl`.
  var units: Int {
    switch encoding {
    case .f32, .f16: size
    case .q8_0: size + size / 32
    case .q4_0: size / 2 + size / 32
    }
  }

  /// Bytes of `count` rows in a staging buffer, up to where those of another plane may begin.
  func stagedBytes(rows count: Int) -> Int {
    let bytes = count * poolCount * headCount * size / encoding.blockElements * encoding.blockBytes
    return (bytes + 15) / 16 * 16
  }

  /// The planes of a group: those of keys, then those of values where they have pools of their own.
  ///
  /// One each where all pools lie in one buffer, else at most one for each pool.
  static func planes(of cache: KVCache, group index: Int) throws -> [CachePlane] {
    guard cache.layout.groups.indices.contains(index) else {
      throw OperatorError(.shape, "the KV cache has \(cache.layout.groups.count) groups, not a group \(index)")
    }
    let group = cache.layout.groups[index]
    let geometry = group.geometry
    var planes: [CachePlane] = []
    for isKeys in geometry.sharesValues ? [true] : [true, false] {
      let poolBytes = group.keyBytesPerBlock + group.valueBytesPerBlock
      let pools = try group.layers.prefix(group.poolCount).map {
        try (isKeys ? cache.keys(layer: $0) : cache.values(layer: $0)).location
      }
      for run in evenRuns(pools) {
        planes.append(
          CachePlane(
            buffer: pools[run.lowerBound].whole, offset: pools[run.lowerBound].byteOffset,
            stride: run.count > 1 ? pools[run.lowerBound + 1].byteOffset - pools[run.lowerBound].byteOffset : 0,
            poolCount: run.count, isKeys: isKeys, encoding: isKeys ? geometry.keys : geometry.values,
            headCount: geometry.kvHeadCount, size: isKeys ? geometry.keyDim : geometry.valueDim,
            blockCount: cache.blockCounts[index], blockSize: group.blockSize,
            headBytes: isKeys ? group.headKeyBytesPerBlock : group.headValueBytesPerBlock,
            imageOffset: run.lowerBound * poolBytes + (isKeys ? 0 : group.keyBytesPerBlock), imageStride: poolBytes))
      }
    }
    return planes
  }

  /// Runs of pools that lie in one buffer at even, rising distances.
  private static func evenRuns(_ pools: [(whole: Buffer, byteOffset: Int)]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for (index, pool) in pools.enumerated() {
      if let run = runs.last, pools[run.lowerBound].whole === pool.whole {
        let distance = pool.byteOffset - pools[index - 1].byteOffset
        if distance > 0,
          run.count == 1 || distance == pools[run.lowerBound + 1].byteOffset - pools[run.lowerBound].byteOffset
        {
          runs[runs.count - 1] = run.lowerBound..<index + 1
          continue
        }
      }
      runs.append(index..<index + 1)
    }
    return runs
  }
}
