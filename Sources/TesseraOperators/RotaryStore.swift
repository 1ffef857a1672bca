import TesseraCL
import TesseraKernels
import TesseraMemory

/// How a paged cache's blocks lie in its buffers, and the heads that go there: `Kernels/common/cache.cl`.
package struct CacheGeometry: Sendable, Equatable {
  package var kvHeadCount: Int
  /// Elements of a query's or key's head, and of a value's.
  package var queryDim: Int
  package var resultDim: Int
  /// Blocks of a buffer.
  package var blockCount: Int
  /// Tokens of a block, a multiple of 16.
  package var blockSize: Int
  package var keys: KVEncoding
  package var values: KVEncoding
  /// Values are the first `resultDim` elements of the keys, and nothing of their own (MLA).
  package var sharesValues: Bool

  /// A geometry; values have the keys' size and encoding unless said otherwise.
  package init(
    kvHeadCount: Int, headDim: Int, valueDim: Int? = nil, blockCount: Int, blockSize: Int,
    keys: KVEncoding = .f32, values: KVEncoding? = nil, sharesValues: Bool = false
  ) {
    self.kvHeadCount = kvHeadCount
    queryDim = headDim
    resultDim = valueDim ?? headDim
    self.blockCount = blockCount
    self.blockSize = blockSize
    self.keys = keys
    self.values = values ?? keys
    self.sharesValues = sharesValues
  }

  /// Elements of a key and of a value in the cache: rounded up, the rest zeros.
  package var headDim: Int { keys.padded(queryDim) }
  package var valueDim: Int { sharesValues ? (resultDim + 15) / 16 * 16 : values.padded(resultDim) }

  /// Constants that kernels are compiled with.
  var defines: [KernelVariant.Define] {
    [
      .init("QUERY_SIZE", queryDim), .init("RESULT_SIZE", resultDim), .init("HEAD_SIZE", headDim),
      .init("VALUE_SIZE", valueDim), .init("KEY_TYPE", keys.kernelNumber), .init("VALUE_TYPE", values.kernelNumber),
      .init("BLOCK_SIZE", blockSize),
    ]
  }
}

extension KVEncoding {
  /// A head's size as a cache rounds it up: to whole vectors, or whole blocks of quants.
  package func padded(_ size: Int) -> Int {
    let step = max(16, blockElements)
    return (size + step - 1) / step * step
  }

  /// The number that kernels know it by: `KEY_TYPE`, `VALUE_TYPE`.
  var kernelNumber: Int {
    switch self {
    case .f32: 0
    case .f16: 1
    case .q8_0: 2
    case .q4_0: 3
    }
  }
}

/// Rotates queries in place and stores keys, rotated, and values in the cache: `Kernels/rope/rope_store.cl`
/// (RoFormer, Su et al. 2021).
package struct RotaryStore: Sendable {
  /// Where heads begin in a token's row, in floats.
  package struct Row: Sendable, Equatable {
    package var stride, queries, keys, values: Int

    package init(stride: Int, queries: Int, keys: Int, values: Int) {
      (self.stride, self.queries, self.keys, self.values) = (stride, queries, keys, values)
    }

    /// Queries, then keys, then values.
    package init(headCount: Int, cache: CacheGeometry) {
      let keys = headCount * cache.queryDim
      let values = keys + cache.kvHeadCount * cache.queryDim
      self.init(stride: values + cache.kvHeadCount * cache.resultDim, queries: 0, keys: keys, values: values)
    }
  }

  /// The rotations of all positions, and whose tokens have.
  package struct Rotation {
    var table: any DeviceMemory
    var positions: any DeviceMemory

    /// - Parameters:
    ///   - table: (positions, rotaryDim / 2) pairs of cosine and sine; see `RotaryTable`.
    ///   - positions: (tokens) UInt32, each a row of the table: the caller has checked.
    package init(_ table: any DeviceMemory, at positions: any DeviceMemory) {
      (self.table, self.positions) = (table, positions)
    }
  }

  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the rotation and the stores.
  ///
  /// - Parameters:
  ///   - x: (tokens, row.stride): queries, keys, values of each token.
  ///   - row: where they lie; by default one after another.
  ///   - rotation: what turns heads; nil: nothing does.
  ///   - slots: (tokens) UInt32, block · blockSize + offset.
  ///   - headCount: query heads; 0 stores only.
  ///   - rotaryAt: the first of a head's elements that turn.
  ///   - stores: keys and values, of which the latter may be part of the former; else queries are turned, and that is all.
  package func enqueue(
    _ x: any DeviceMemory, row: Row? = nil, rotation: Rotation?, slots: any DeviceMemory,
    keys: any DeviceMemory, values: any DeviceMemory, tokens: Int, headCount: Int, rotaryDim: Int,
    rotaryAt: Int = 0, stores: Bool = true, pairing: RotaryTable.Pairing, cache: CacheGeometry,
    on sink: some CommandSink
  ) throws {
    let rotaryDim = rotation == nil ? 0 : rotaryDim
    guard tokens > 0, headCount >= 0, rotaryDim >= 0, rotaryAt >= 0, rotaryAt <= cache.queryDim - rotaryDim,
      rotaryDim.isMultiple(of: 2), stores || (headCount > 0 && rotaryDim > 0)
    else {
      throw OperatorError(
        .shape,
        "\(rotaryDim) rotary dimensions from \(rotaryAt) on of \(headCount) heads of "
          + "\(cache.queryDim): they must be an even part of a head")
    }
    let kvHeads = stores ? cache.kvHeadCount : 0
    let row = row ?? Row(headCount: headCount, cache: cache)
    // Queries that are not turned stay as they are.
    let turned = rotaryDim > 0 ? headCount : 0
    var block = RopeStoreArguments()
    block.heads = UInt32(turned)
    block.kv_heads = UInt32(kvHeads)
    block.stride = UInt32(row.stride)
    block.query_at = UInt32(row.queries)
    block.key_at = UInt32(row.keys)
    block.value_at = UInt32(row.values)
    block.rotary = UInt32(rotaryDim)
    block.rotary_at = UInt32(rotaryAt)
    block.blocks = UInt32(cache.blockCount)
    block.block_size = UInt32(cache.blockSize)
    block.tokens = UInt32(tokens)
    let floats = turned * cache.queryDim + kvHeads * (cache.queryDim + (cache.sharesValues ? 0 : cache.resultDim))
    try sink.dispatch(
      Dispatch(
        KernelVariant(
          "rope/rope_store.cl", "rope_store",
          cache.defines + [.init("INTERLEAVED", pairing == .interleaved ? 1 : 0)]), block,
        views: [
          x.view, rotation?.table.view, rotation?.positions.view, slots.view, keys.view, values.view,
        ], written: [0, 4, 5],
        units: .init(turned + (cache.sharesValues ? 1 : 2) * kvHeads, tokens), localSize: library.style.localSize,
        cost: .init(bytes: tokens * floats * 8, operations: tokens * floats * 3)), library)
  }
}
