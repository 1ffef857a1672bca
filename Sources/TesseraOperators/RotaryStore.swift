import TesseraCL
import TesseraMemory

/// How a paged cache's blocks lie in its buffers: `Kernels/common/cache.cl`.
public struct CacheGeometry: Sendable, Equatable {
  public var kvHeadCount: Int
  /// Elements of a key.
  public var headDim: Int
  /// Elements of a value.
  public var valueDim: Int
  /// Blocks of a buffer.
  public var blockCount: Int
  /// Tokens of a block, a multiple of 16.
  public var blockSize: Int
  public var element: KVCacheLayout.ElementType
  /// Values are the first `valueDim` elements of the keys, and nothing of their own (MLA).
  public var sharesValues: Bool

  /// A geometry; values have the keys' size unless said otherwise.
  public init(
    kvHeadCount: Int, headDim: Int, valueDim: Int? = nil, blockCount: Int, blockSize: Int,
    element: KVCacheLayout.ElementType = .f32, sharesValues: Bool = false
  ) {
    self.kvHeadCount = kvHeadCount
    self.headDim = headDim
    self.valueDim = valueDim ?? headDim
    self.blockCount = blockCount
    self.blockSize = blockSize
    self.element = element
    self.sharesValues = sharesValues
  }

  /// The number that kernels know the element's type by.
  var cacheType: Int { element.cacheType }
}

/// Rotates queries in place and stores keys, rotated, and values in the cache: `Kernels/rope/rope_store.cl`
/// (RoFormer, Su et al. 2021).
public struct RotaryStore: Sendable {
  private let library: KernelLibrary

  public init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the rotation and the stores.
  ///
  /// - Parameters:
  ///   - qkv: (tokens, headCount + 2 · kvHeadCount, headDim): queries, keys, values of each token.
  ///   - rotation: (tokens, rotaryDim / 2) pairs of cosine and sine; see `RotaryTable`.
  ///   - slots: (tokens) UInt32, block · blockSize + offset.
  public func enqueue(
    qkv: Buffer, rotation: Buffer, slots: Buffer, keys: Buffer, values: Buffer, tokens: Int, headCount: Int,
    rotaryDim: Int, pairing: RotaryTable.Pairing, cache: CacheGeometry, on target: some CommandTarget
  ) throws {
    guard rotaryDim <= cache.headDim, rotaryDim.isMultiple(of: 2), cache.headDim.isMultiple(of: 2),
      cache.headDim.isMultiple(of: cache.element.blockElements), cache.valueDim == cache.headDim, !cache.sharesValues
    else {
      throw OperatorError(
        .shape,
        "\(rotaryDim) rotary dimensions of heads of \(cache.headDim), values of \(cache.valueDim), in a "
          + "\(cache.element.rawValue) cache: both must be even, heads of a quantised cache a multiple of 32, values "
          + "have their keys' size")
    }
    // Pairs, or blocks of 32 elements.
    let parts = cache.element.blockElements == 1 ? cache.headDim / 2 : cache.headDim / cache.element.blockElements
    if let program = target.program {
      try program.require(StepProgram.RotationShape(rotaryDim: rotaryDim, pairing: pairing))
      var command = StepProgram.Command(
        StepProgram.Command.Kind.ropeStore, units: tokens * (headCount + 2 * cache.kvHeadCount))
      command.x = try program.offset(inArena: qkv)
      command.rotation = try program.offset(inArena: rotation)
      command.slots = try program.offset(inArena: slots)
      command.rows = UInt32(cache.blockCount)
      command.keys = try program.offset(inCache: keys)
      command.values = try program.offset(inCache: values)
      return try program.record(command)
    }
    let kernel = try library.kernel(
      "rope/rope_store.cl", "rope_store",
      [.init("PAIRS_ADJACENT", pairing == .adjacent ? 1 : 0), .init("CACHE_TYPE", cache.cacheType)])
    try target.queue.enqueue(
      kernel,
      over: NDRange(
        global: [parts, headCount + 2 * cache.kvHeadCount, tokens], local: [parts, 1, 1]),
      qkv, rotation, slots, keys, values, UInt32(headCount), UInt32(cache.kvHeadCount), UInt32(cache.headDim),
      UInt32(rotaryDim), UInt32(cache.blockCount), UInt32(cache.blockSize))
  }
}
