import TesseraMemory

/// Attention by products of small matrices, in fast mode: `Kernels/attention/flash_attention.ptx.cl`.
extension FlashAttention {
  /// The most rows of a work-group, 16 for each warp.
  static let tensorRows = 64
  /// Sizes of heads.
  static let tensorSizes: Set = [64, 128]

  /// Whether the form is computed so, which does not depend on its tokens.
  func isTensor(_ shape: Shape, _ cache: CacheGeometry, _ extras: Extras) -> Bool {
    guard tensor?.isTensor == true, library.style == .simt else { return false }
    let isMasked = shape.mask == .causal || shape.mask == .full
    let isPlain = shape.sinkKeys == 0 && shape.softCap == nil && extras.slopes == nil && extras.bias == nil
    let isCached = cache.keys == .f16 && cache.values == .f16 && !cache.sharesValues
    return isMasked && isPlain && isCached && Self.tensorSizes.isSuperset(of: [cache.queryDim, cache.resultDim])
  }

  /// What computes tiles of `rows` rows.
  func tensorKernel(rows: Int) -> (file: String, name: String, localSize: Int) {
    // Two warps at least: one would copy too much.
    let items = max(64, (rows + 15) / 16 * 32)
    return ("attention/flash_attention.ptx.cl", "flash_attention", items)
  }

  /// Constants of the kernel, besides the form's.
  var tensorDefines: [KernelVariant.Define] { tensor == .emulatedTensor ? [.init("EMULATED", 1)] : [] }
}
