/// The keys and values of one token in one layer.
///
/// In a layer's pool, a block of tokens lies as
/// - keys: [kvHead][block][group of 16 tokens][keyDim][16 tokens], so that one wide load reads 16 tokens' element d and
///   the lanes of q·k are tokens; in the simt style [keyDim / run][16 tokens][run], runs of 16 bytes;
/// - values: [kvHead][block][token][valueDim], so that the lanes of p·v are the head's elements.
/// A head's blocks lie side by side: those of a sequence that follow each other are read as one stretch of memory.
///
/// Quantized elements are ggml's blocks of 32 along the head, taken apart: a group of 16 tokens has its quants in the same
/// order, then its scales, [size / 32][16 tokens] halves; `Kernels/common/cache.cl` has the bytes.
package struct KVGeometry: Sendable, Hashable {
  /// Key and value heads.
  package let kvHeadCount: Int
  /// Elements of a key.
  package let keyDim: Int
  /// Elements of a value.
  package let valueDim: Int
  /// Whether values are the first `valueDim` elements of the keys, and nothing of their own (MLA, DeepSeek-V2).
  package let sharesValues: Bool
  /// How keys are kept.
  package let keys: KVEncoding
  /// How values are kept.
  package let values: KVEncoding
  /// Bytes of one token's keys, of all heads.
  package let keyBytesPerToken: Int
  /// Bytes of one token's values, of all heads; 0 where they are shared.
  package let valueBytesPerToken: Int

  /// A geometry; values have the keys' size and encoding unless said otherwise.
  ///
  /// Throws ``MemoryError`` when a size is not positive, a head no multiple of its encoding's 32 elements, a token's bytes
  /// beyond `Int`, or shared values do not fit in the keys.
  package init(
    kvHeadCount: Int, keyDim: Int, valueDim: Int? = nil, sharesValues: Bool = false, keys: KVEncoding = .f32,
    values: KVEncoding? = nil
  ) throws(MemoryError) {
    let valueDim = valueDim ?? keyDim
    let valueEncoding = values ?? keys
    guard kvHeadCount > 0, keyDim > 0, valueDim > 0 else {
      throw MemoryError(
        .invalidRequest,
        "a KV cache of \(kvHeadCount) heads, keys of \(keyDim) and values of \(valueDim): all must be positive")
    }
    for (size, encoding) in [(keyDim, keys), (valueDim, valueEncoding)]
    where !size.isMultiple(of: encoding.blockElements) {
      throw MemoryError(
        .invalidRequest,
        "a \(encoding.rawValue) KV cache with heads of \(size): it needs a multiple of \(encoding.blockElements), use "
          + "--kv f16")
    }
    guard !sharesValues || (valueDim <= keyDim && valueEncoding == keys) else {
      throw MemoryError(
        .invalidRequest,
        "values of \(valueDim) elements (\(valueEncoding.rawValue)) cannot be the first of keys of \(keyDim) "
          + "(\(keys.rawValue))")
    }
    func bytes(_ size: Int, _ encoding: KVEncoding) throws(MemoryError) -> Int {
      try checkedProduct(
        kvHeadCount, size / encoding.blockElements, encoding.blockBytes, of: "KV bytes of a token")
    }
    keyBytesPerToken = try bytes(keyDim, keys)
    valueBytesPerToken = sharesValues ? 0 : try bytes(valueDim, valueEncoding)
    (self.kvHeadCount, self.keyDim, self.valueDim, self.sharesValues) = (kvHeadCount, keyDim, valueDim, sharesValues)
    (self.keys, self.values) = (keys, valueEncoding)
  }

  /// The offset of a key's element in a pool of `slotCount` slots (blocks · block size), in elements, where keys are not
  /// quantized.
  ///
  /// - Parameters:
  ///   - slot: block · block size + the token's place in it.
  ///   - style: of the kernels, whose keys lie otherwise.
  package func keyOffset(kvHead: Int, slot: Int, element: Int, slotCount: Int, style: KernelStyle) -> Int {
    let tokens = KVGroup.tokenGroup
    let run = style == .simt ? 16 / (keys.blockBytes / keys.blockElements) : 1
    let group = (kvHead * slotCount + slot) / tokens
    return ((group * (keyDim / run) + element / run) * tokens + slot % tokens) * run + element % run
  }

  /// The offset of a value's element in a pool of `slotCount` slots, in elements, where values are not quantized.
  ///
  /// - Parameter slot: block · block size + the token's place in it.
  package func valueOffset(kvHead: Int, slot: Int, element: Int, slotCount: Int) -> Int {
    (kvHead * slotCount + slot) * valueDim + element
  }
}
