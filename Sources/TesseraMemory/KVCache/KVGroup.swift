/// How long a group of layers keeps its rows.
package enum KVKind: Sendable, Hashable {
  /// Every row, until the sequence is cut or closed.
  case growing
  /// Rows that a query at the sequence's end can see: `tokens` up to its own, and the first `sinks` of the sequence
  /// (StreamingLLM, Xiao et al. 2023). Blocks behind the window are given back.
  case window(_ tokens: Int, sinks: Int)
  /// Rows that are written once, at most `capacity`: the keys of cross-attention.
  case fixed(capacity: Int)
  /// Rows of one step, in one pool that all layers use in turn: encoders.
  case transient
}

/// Layers whose caches are alike: they have one pool size, one free list and, of each sequence, one table.
package struct KVGroup: Sendable, Equatable {
  /// Tokens that lie side by side in the keys' layout.
  package static let tokenGroup = 16

  /// The layers, by the numbers that the cache is asked with. A decoder with cross-attention numbers those caches apart.
  package let layers: [Int]
  /// A token in one layer.
  package let geometry: KVGeometry
  /// How long rows are kept.
  package let kind: KVKind
  /// Tokens of a block, a multiple of 16.
  package let blockSize: Int
  /// Bytes of one layer's keys in a block.
  package let keyBytesPerBlock: Int
  /// Bytes of one layer's values in a block; 0 where they are shared.
  package let valueBytesPerBlock: Int
  /// Bytes of a block in the pools of all layers.
  package let bytesPerBlock: Int

  /// A group of layers.
  ///
  /// Throws ``MemoryError`` when there is no layer, a layer is negative or listed twice, `blockSize` is no positive
  /// multiple of 16, a window or capacity is not positive, or a block's bytes are beyond `Int`.
  package init(layers: [Int], geometry: KVGeometry, kind: KVKind = .growing, blockSize: Int = 64) throws(MemoryError) {
    guard !layers.isEmpty, layers.allSatisfy({ $0 >= 0 }), Set(layers).count == layers.count else {
      throw MemoryError(.invalidRequest, "a KV group of layers \(layers): each is named once, and none is negative")
    }
    guard blockSize > 0, blockSize.isMultiple(of: Self.tokenGroup) else {
      throw MemoryError(
        .invalidRequest, "a KV block of \(blockSize) tokens: it must be a positive multiple of \(Self.tokenGroup)")
    }
    switch kind {
    case .window(let tokens, let sinks)
    where tokens < 1 || sinks < 0 || tokens > Self.mostRows || sinks > Self.mostRows:
      throw MemoryError(
        .invalidRequest,
        "a KV window of \(tokens) tokens with \(sinks) sinks: 1 to \(Self.mostRows), and 0 to \(Self.mostRows)")
    case .fixed(let capacity) where !(1...Self.mostRows).contains(capacity):
      throw MemoryError(.invalidRequest, "\(capacity) fixed KV rows: 1 to \(Self.mostRows) are possible")
    default: break
    }
    self.layers = layers
    self.geometry = geometry
    self.kind = kind
    self.blockSize = blockSize
    keyBytesPerBlock = try checkedProduct(geometry.keyBytesPerToken, blockSize, of: "KV keys of a block")
    valueBytesPerBlock = try checkedProduct(geometry.valueBytesPerToken, blockSize, of: "KV values of a block")
    bytesPerBlock = try checkedProduct(
      kind == .transient ? 1 : layers.count, checkedSum([keyBytesPerBlock, valueBytesPerBlock], of: "KV block"),
      of: "KV block")
  }

  /// Rows that kernels can number.
  static let mostRows = Int(Int32.max)

  /// Pools of keys: one a layer, or one for all.
  package var poolCount: Int { kind == .transient ? 1 : layers.count }

  /// Bytes of one token in the pools of all layers.
  package var bytesPerToken: Int { bytesPerBlock / blockSize }

  /// Bytes of one head's keys in a block of one layer.
  package var headKeyBytesPerBlock: Int { keyBytesPerBlock / geometry.kvHeadCount }

  /// Bytes of one head's values in a block of one layer.
  package var headValueBytesPerBlock: Int { valueBytesPerBlock / geometry.kvHeadCount }

  /// Bytes of a block in the largest single pool: one layer's keys or values.
  package var largestPoolBytesPerBlock: Int { max(keyBytesPerBlock, valueBytesPerBlock) }

  /// Blocks that hold `rowCount` rows.
  package func blockCount(rows rowCount: Int) -> Int { rowCount <= 0 ? 0 : (rowCount - 1) / blockSize + 1 }
}
