import TesseraCL
import TesseraMemory

/// Pools of keys, or of values, of some layers of a group, at even distances in one buffer: what one launch of
/// `Kernels/cache/` serves.
struct CachePlane {
  /// Where the first pool begins.
  let view: BufferView
  /// From each pool to the next, in bytes.
  let stride: Int
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

  /// Pieces of a token's head that are moved one by one: `PIECES` of `Kernels/cache/blocks.cl`.
  var pieces: Int {
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
      let pools = try group.layers.prefix(group.poolCount).map {
        try (isKeys ? cache.keys(layer: $0) : cache.values(layer: $0)).location
      }
      for run in evenRuns(pools) {
        let first = pools[run.lowerBound]
        planes.append(
          CachePlane(
            group, blockCount: cache.blockCounts[index], isKeys: isKeys, pools: run,
            view: BufferView(.buffer(first.whole), byteOffset: first.byteOffset),
            stride: run.count > 1 ? pools[run.lowerBound + 1].byteOffset - first.byteOffset : 0))
      }
    }
    return planes
  }

  /// The planes of a group that has no memory yet, as if its pools lay in one buffer.
  static func planes(planning group: KVGroup, blockCount: Int) -> [CachePlane] {
    (group.geometry.sharesValues ? [true] : [true, false]).map { isKeys in
      CachePlane(
        group, blockCount: blockCount, isKeys: isKeys, pools: 0..<group.poolCount,
        view: BufferView(.planned("KV cache")),
        stride: blockCount * (group.keyBytesPerBlock + group.valueBytesPerBlock))
    }
  }

  private init(
    _ group: KVGroup, blockCount: Int, isKeys: Bool, pools: Range<Int>, view: BufferView, stride: Int
  ) {
    let geometry = group.geometry
    (self.view, self.stride, poolCount, self.isKeys) = (view, stride, pools.count, isKeys)
    encoding = isKeys ? geometry.keys : geometry.values
    headCount = geometry.kvHeadCount
    size = isKeys ? geometry.keyDim : geometry.valueDim
    (self.blockCount, blockSize) = (blockCount, group.blockSize)
    headBytes = isKeys ? group.headKeyBytesPerBlock : group.headValueBytesPerBlock
    imageStride = group.keyBytesPerBlock + group.valueBytesPerBlock
    imageOffset = pools.lowerBound * imageStride + (isKeys ? 0 : group.keyBytesPerBlock)
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
