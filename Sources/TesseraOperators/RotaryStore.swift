import TesseraCL

/// How a paged cache's blocks lie in its buffers: `Kernels/common/cache.cl`.
public struct CacheGeometry: Sendable, Equatable {
  public var kvHeadCount: Int
  public var headDim: Int
  /// Tokens of a block, a multiple of 16.
  public var blockSize: Int
  /// Elements are halves, else floats.
  public var isHalf: Bool

  public init(kvHeadCount: Int, headDim: Int, blockSize: Int, isHalf: Bool) {
    (self.kvHeadCount, self.headDim, self.blockSize, self.isHalf) = (kvHeadCount, headDim, blockSize, isHalf)
  }
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
    guard rotaryDim <= cache.headDim, rotaryDim.isMultiple(of: 2), cache.headDim.isMultiple(of: 2) else {
      throw OperatorError(.shape, "\(rotaryDim) rotary dimensions of heads of \(cache.headDim): both must be even")
    }
    if let program = target.program {
      try program.require(StepProgram.RotationShape(rotaryDim: rotaryDim, pairing: pairing))
      var command = StepProgram.Command(
        StepProgram.Command.Kind.ropeStore, units: tokens * (headCount + 2 * cache.kvHeadCount))
      command.x = try program.offset(inArena: qkv)
      command.rotation = try program.offset(inArena: rotation)
      command.slots = try program.offset(inArena: slots)
      command.keys = try program.offset(inCache: keys)
      command.values = try program.offset(inCache: values)
      return try program.record(command)
    }
    let kernel = try library.kernel(
      "rope/rope_store.cl", "rope_store",
      [.init("PAIRS_ADJACENT", pairing == .adjacent ? 1 : 0), .init("CACHE_HALF", cache.isHalf ? 1 : 0)])
    try target.queue.enqueue(
      kernel,
      over: NDRange(
        global: [cache.headDim / 2, headCount + 2 * cache.kvHeadCount, tokens], local: [cache.headDim / 2, 1, 1]),
      qkv, rotation, slots, keys, values, UInt32(headCount), UInt32(cache.kvHeadCount), UInt32(cache.headDim),
      UInt32(rotaryDim), UInt32(cache.blockSize))
  }
}
