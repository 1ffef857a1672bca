import Synchronization
import TesseraCL
import TesseraMemory

/// One layer of a decoder for one token in one launch: `Kernels/decoder/decode_layer.cl`.
///
/// It computes what `RMSNorm`, `MatrixProduct`, `RotaryStore` and `FlashAttention` compute one after another, to the bit.
/// On a CPU a launch costs as much as a small product, most of it for waking the other cores; this way they stay awake.
public final class DecodeLayer: Sendable {
  /// The sizes that all layers of a model share.
  public struct Shape: Sendable, Equatable {
    public var embeddingSize: Int
    public var feedForwardSize: Int
    public var headCount: Int
    public var rotaryDim: Int
    public var pairing: RotaryTable.Pairing
    public var activation: GatedActivation.Function
    public var epsilon: Float
    public var cache: CacheGeometry

    public init(
      embeddingSize: Int, feedForwardSize: Int, headCount: Int, rotaryDim: Int, pairing: RotaryTable.Pairing,
      activation: GatedActivation.Function, epsilon: Float, cache: CacheGeometry
    ) {
      (self.embeddingSize, self.feedForwardSize, self.headCount) = (embeddingSize, feedForwardSize, headCount)
      (self.rotaryDim, self.pairing, self.activation) = (rotaryDim, pairing, activation)
      (self.epsilon, self.cache) = (epsilon, cache)
    }
  }

  /// A layer's weights.
  public struct Weights: Sendable {
    /// Rows of queries, keys and values, (rows, embeddingSize), in one to three matrices in this order.
    public var projections: [WeightMatrix]
    /// (embeddingSize, headCount · headDim)
    public var output: WeightMatrix
    /// (2 · feedForwardSize, embeddingSize), groups of gate and up rows alternating.
    public var gateUp: WeightMatrix
    /// (embeddingSize, feedForwardSize)
    public var down: WeightMatrix
    /// (embeddingSize)
    public var attentionNorm: Buffer
    public var mlpNorm: Buffer
    /// (headDim) each, both or neither.
    public var queryNorm: Buffer?
    public var keyNorm: Buffer?
    /// (embeddingSize) each, both or neither.
    public var attentionPostNorm: Buffer?
    public var mlpPostNorm: Buffer?

    public init(
      projections: [WeightMatrix], output: WeightMatrix, gateUp: WeightMatrix, down: WeightMatrix, attentionNorm: Buffer,
      mlpNorm: Buffer, queryNorm: Buffer? = nil, keyNorm: Buffer? = nil, attentionPostNorm: Buffer? = nil,
      mlpPostNorm: Buffer? = nil
    ) {
      (self.projections, self.output, self.gateUp, self.down) = (projections, output, gateUp, down)
      (self.attentionNorm, self.mlpNorm, self.queryNorm, self.keyNorm) = (attentionNorm, mlpNorm, queryNorm, keyNorm)
      (self.attentionPostNorm, self.mlpPostNorm) = (attentionPostNorm, mlpPostNorm)
    }
  }

  /// What a step holds: all as the parts' launchers take them, of one token.
  public struct Activations: Sendable {
    /// (embeddingSize): in, and out.
    public var hidden: Buffer
    /// (groupCount, embeddingSize)
    public var normed: Buffer
    public var qkv: Buffer
    public var attended: Buffer
    public var gated: Buffer
    public var branch: Buffer
    public var rotation: Buffer
    public var slots: Buffer
    public var positions: Buffer
    /// The sequence's block ids.
    public var tables: Buffer
    /// `counterBytes`, cleared by `begin`.
    public var counters: Buffer

    public init(
      hidden: Buffer, normed: Buffer, qkv: Buffer, attended: Buffer, gated: Buffer, branch: Buffer, rotation: Buffer,
      slots: Buffer, positions: Buffer, tables: Buffer, counters: Buffer
    ) {
      (self.hidden, self.normed, self.qkv, self.attended) = (hidden, normed, qkv, attended)
      (self.gated, self.branch, self.rotation, self.slots) = (gated, branch, rotation, slots)
      (self.positions, self.tables, self.counters) = (positions, tables, counters)
    }
  }

  private static let phaseCount = 8

  /// Work-groups of a launch: one a core.
  public static func groupCount(_ limits: DeviceLimits) -> Int { limits.computeUnits }

  /// Bytes of the counters with which work-groups share the phases: two sets of them.
  public static func counterBytes(_ limits: DeviceLimits) -> Int { 2 * phaseCount * (groupCount(limits) + 1) * 64 }

  /// Whether work-groups can wait for each other there: on CPUs.
  public static func isPossible(_ library: KernelLibrary, _ limits: DeviceLimits) -> Bool {
    library.style == .vector && limits.isCPU
  }

  private let library: KernelLibrary
  private let groupCount: Int
  private let weights: Weights
  private let shape: Shape
  private let attention: FlashAttention.Shape
  private let kernel = Mutex<Kernel?>(nil)

  /// - Parameter attention: of `shape.headCount` heads.
  /// - Throws: `OperatorError` if the weights do not fit the shape.
  public init(
    _ library: KernelLibrary, limits: DeviceLimits, weights: Weights, shape: Shape, attention: FlashAttention.Shape
  ) throws {
    guard Self.isPossible(library, limits), (1...3).contains(weights.projections.count),
      weights.gateUp.shape.rows.isMultiple(of: 32)
    else {
      throw OperatorError(
        .shape,
        "a fused layer of \(weights.projections.count) projections and \(weights.gateUp.shape.rows) gates and ups: it "
          + "needs a CPU in the vector style, one to three projections, and gates and ups in whole panels of 32")
    }
    self.library = library
    groupCount = Self.groupCount(limits)
    self.weights = weights
    self.shape = shape
    self.attention = attention
  }

  /// Enqueues what must come before a step's first layer.
  public static func begin(_ activations: Activations, on queue: Queue) throws {
    try queue.fill(activations.counters, byteCount: activations.counters.byteCount)
  }

  /// Enqueues the layer.
  ///
  /// - Parameter index: the launch's number since `begin`, from 0.
  public func enqueue(_ a: Activations, keys: Buffer, values: Buffer, index: Int, on queue: Queue) throws {
    let w = weights
    let (first, second) = (w.projections[0], w.projections[min(1, w.projections.count - 1)])
    let third = w.projections[w.projections.count - 1]
    try queue.enqueue(
      compiled(), over: NDRange(global: [groupCount], local: [1]), a.hidden, a.normed, a.qkv, a.attended, a.gated,
      a.branch, a.rotation, a.slots, a.positions, a.tables, keys, values, w.attentionNorm, w.mlpNorm,
      w.queryNorm ?? w.attentionNorm, w.keyNorm ?? w.attentionNorm, w.attentionPostNorm ?? w.attentionNorm,
      w.mlpPostNorm ?? w.mlpNorm, first.buffer, second.buffer, third.buffer, UInt64(first.shape.scalesOffset),
      UInt64(second.shape.scalesOffset), UInt64(third.shape.scalesOffset), w.output.buffer,
      UInt64(w.output.shape.scalesOffset), w.gateUp.buffer, UInt64(w.gateUp.shape.scalesOffset), w.down.buffer,
      UInt64(w.down.shape.scalesOffset), a.counters, UInt32(index % 2), shape.epsilon, UInt32(attention.window ?? 0),
      attention.scale, attention.softCap ?? 0)
  }

  private func compiled() throws -> Kernel {
    if let kernel = kernel.withLock({ $0 }) { return kernel }
    let compiled = try library.kernel("decoder/decode_layer.cl", "decode_layer", defines())
    kernel.withLock { $0 = compiled }
    return compiled
  }

  private func defines() -> [KernelLibrary.Define] {
    let projections = weights.projections
    let rows = projections.map(\.shape.rows) + [0, 0]
    let cache = shape.cache
    var defines: [KernelLibrary.Define] = [
      .init("EMBEDDING", shape.embeddingSize), .init("FEED_FORWARD", shape.feedForwardSize),
      .init("HEADS", shape.headCount), .init("KV_HEADS", cache.kvHeadCount), .init("ROTARY", shape.rotaryDim),
      .init("HEAD_SIZE", cache.headDim), .init("BLOCK_SIZE", cache.blockSize),
      .init("CACHE_HALF", cache.isHalf ? 1 : 0), .init("PAIRS_ADJACENT", shape.pairing == .adjacent ? 1 : 0),
      .init("GELU", shape.activation == .gelu ? 1 : 0), .init("QK_NORM", weights.queryNorm == nil ? 0 : 1),
      .init("POST_NORMS", weights.attentionPostNorm == nil ? 0 : 1), .init("ROWS_0", rows[0]),
      .init("ROWS_1", rows[1]), .init("ROWS_2", rows[2]),
    ]
    let matrices = [
      ("PROJECTION_0", projections[0]), ("PROJECTION_1", projections[min(1, projections.count - 1)]),
      ("PROJECTION_2", projections[projections.count - 1]), ("OUTPUT", weights.output), ("GATE_UP", weights.gateUp),
      ("DOWN", weights.down),
    ]
    var distinct: [Int] = []
    for (role, matrix) in matrices {
      let type = Int(matrix.shape.format.rawValue)
      defines.append(.init("TYPE_\(role)", type))
      if !distinct.contains(type) { distinct.append(type) }
    }
    return defines + zip("ABCDEF", distinct).map { .init("TYPE_\($0)", $1) }
  }
}
