/// How keys and values lie in the paged cache.
///
/// Each layer has one pool buffer for keys and one for values. A block holds `blockSize` tokens:
/// - keys: [kvHead][block][group of 16 tokens][headDim][16 tokens], so that one wide load reads 16 tokens' element d and
///   the lanes of q·k are tokens;
/// - values: [kvHead][block][token][headDim], so that the lanes of p·v are the head's elements.
/// A head's blocks lie side by side: those of a sequence that follow each other are read as one stretch of memory.
///
/// Quantised elements are ggml's blocks of 32 along the head, taken apart: a group of 16 tokens has its quants in the same
/// order, then its scales, [headDim / 32][16 tokens] halves; `Kernels/common/cache.cl` has the bytes.
///
/// Paging: Kwon et al., "Efficient Memory Management for LLM Serving with PagedAttention", 2023 (arXiv 2309.06180).
public struct KVCacheLayout: Sendable, Equatable {
  public typealias ElementType = KVEncoding

  /// Tokens that lie side by side in the keys' layout.
  public static let tokenGroup = 16

  /// Key and value heads of each layer.
  public let kvHeadCounts: [Int]
  /// Elements of a head.
  public let headDim: Int
  /// The type of cached elements.
  public let elementType: ElementType
  /// Tokens of a block; a multiple of 16.
  public let blockSize: Int
  /// Bytes of one token, keys and values of all layers.
  public let bytesPerToken: Int
  /// Bytes of one block, keys and values of all layers.
  public let bytesPerBlock: Int

  /// A layout of `kvHeadCounts.count` layers.
  ///
  /// Throws ``MemoryError`` when a count is not positive, `blockSize` is no multiple of 16, `headDim` no multiple of a
  /// quantised type's 32, or a block's size is beyond `Int`.
  public init(
    kvHeadCounts: [Int], headDim: Int, elementType: ElementType = .f32, blockSize: Int = 64
  ) throws(MemoryError) {
    guard !kvHeadCounts.isEmpty, kvHeadCounts.allSatisfy({ $0 > 0 }), headDim > 0 else {
      throw MemoryError(
        .invalidRequest,
        "a KV cache of \(kvHeadCounts.count) layers with heads of \(headDim): layers, kv heads and head size must be "
          + "positive")
    }
    guard blockSize > 0, blockSize % Self.tokenGroup == 0 else {
      throw MemoryError(
        .invalidRequest, "a KV block of \(blockSize) tokens: it must be a positive multiple of \(Self.tokenGroup)")
    }
    guard headDim.isMultiple(of: elementType.blockElements) else {
      throw MemoryError(
        .invalidRequest,
        "a \(elementType.rawValue) KV cache with heads of \(headDim): it needs a multiple of "
          + "\(elementType.blockElements), use --kv f16")
    }
    let heads = try checkedSum(kvHeadCounts, of: "kv heads")
    bytesPerToken = try checkedProduct(
      2, heads, headDim / elementType.blockElements, elementType.blockBytes, of: "KV bytes of a token")
    bytesPerBlock = try checkedProduct(bytesPerToken, blockSize, of: "KV bytes of a block")
    self.kvHeadCounts = kvHeadCounts
    self.headDim = headDim
    self.elementType = elementType
    self.blockSize = blockSize
  }

  /// A layout whose layers all have `kvHeadCount` key and value heads; throws as the other initialiser does.
  public init(
    layerCount: Int, kvHeadCount: Int, headDim: Int, elementType: ElementType = .f32, blockSize: Int = 64
  ) throws(MemoryError) {
    guard (1...65536).contains(layerCount) else {
      throw MemoryError(.invalidRequest, "a KV cache of \(layerCount) layers: 1 to 65536 are possible")
    }
    try self.init(
      kvHeadCounts: Array(repeating: kvHeadCount, count: layerCount), headDim: headDim, elementType: elementType,
      blockSize: blockSize)
  }

  /// Layers of the model.
  public var layerCount: Int { kvHeadCounts.count }

  /// Bytes of one token in the largest pool buffer: one layer's keys or values.
  public var largestPoolBytesPerToken: Int { bytesPerToken / 2 / kvHeadCounts.reduce(0, +) * (kvHeadCounts.max() ?? 0) }

  /// Elements of one block in a layer's key pool; its value pool has as many.
  public func elementsPerBlock(layer: Int) -> Int { kvHeadCounts[layer] * headDim * blockSize }

  /// Bytes of one head's keys in a block; its values have as many.
  public var headBytesPerBlock: Int { headDim * blockSize / elementType.blockElements * elementType.blockBytes }

  /// Bytes of one block in a layer's key pool; its value pool has as many.
  public func poolBytesPerBlock(layer: Int) -> Int { kvHeadCounts[layer] * headBytesPerBlock }

  /// The offset of a key's element in a pool of `blockCount` blocks, in elements, where they are not quantised.
  ///
  /// - Parameter slot: block · blockSize + the token's place in it.
  public func keyOffset(kvHead: Int, slot: Int, element: Int, blockCount: Int) -> Int {
    let group = (kvHead * blockCount * blockSize + slot) / Self.tokenGroup
    return (group * headDim + element) * Self.tokenGroup + slot % Self.tokenGroup
  }

  /// The offset of a value's element in a pool of `blockCount` blocks, in elements, where they are not quantised.
  ///
  /// - Parameter slot: block · blockSize + the token's place in it.
  public func valueOffset(kvHead: Int, slot: Int, element: Int, blockCount: Int) -> Int {
    (kvHead * blockCount * blockSize + slot) * headDim + element
  }

  /// Blocks that hold `tokenCount` tokens of one sequence.
  public func blockCount(tokens tokenCount: Int) -> Int {
    tokenCount <= 0 ? 0 : (tokenCount - 1) / blockSize + 1
  }

  /// Blocks that `sequenceCount` sequences of `contextLength` tokens need.
  ///
  /// Throws ``MemoryError`` when a count is not positive or the blocks cannot be numbered by the kernels' 32-bit ids.
  public func blockCount(contextLength: Int, sequenceCount: Int) throws(MemoryError) -> Int {
    guard contextLength > 0, sequenceCount > 0 else {
      throw MemoryError(
        .invalidRequest, "a KV cache for \(sequenceCount) sequences of \(contextLength) tokens: both must be positive")
    }
    let blocks = try checkedProduct(blockCount(tokens: contextLength), sequenceCount, of: "KV blocks")
    guard blocks <= Int(Int32.max) else {
      throw MemoryError(.invalidRequest, "\(blocks) KV blocks are more than \(Int32.max): use a smaller --context")
    }
    return blocks
  }
}
