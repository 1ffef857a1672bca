import TesseraCL
import TesseraMemory

/// A step, recorded and run in one launch: `Kernels/step/step_program.cl`.
///
/// Operators record into it what they would enqueue on a queue, and it computes the same, to the bit. On a CPU a launch
/// costs as much as a small product; a program has one. All buffers must be parts of three: the arena, the weights and
/// the cache.
public final class StepProgram: CommandTarget {
  /// One phase of the launch; `struct command` in the kernel.
  struct Command: BitwiseCopyable {
    enum Kind {
      static let norm: UInt32 = 1000
      static let ropeStore: UInt32 = 1001
      static let attention: UInt32 = 1002
      static let copy: UInt32 = 1003
      static let merge: UInt32 = 1004
      /// And a weight type.
      static let prepare: UInt32 = 2000
    }

    /// A weight type, for a product, or one of `Kind`.
    var kind: UInt32
    /// Parts of the work that can run beside each other.
    var units: UInt32
    var tokens: UInt32 = 1
    /// Of weights, or heads of a token that are normed, or blocks of the cache.
    var rows: UInt32 = 0
    var columns: UInt32 = 0
    /// Floats from token to token.
    var stride: UInt32 = 0
    var flags: UInt32 = 0
    var window: UInt32 = 0
    var epsilon: Float = 0
    var scale: Float = 0
    var softCap: Float = 0
    /// As `FlashAttention.Split`.
    var splits: UInt32 = 1
    var keyTiles: UInt32 = 0
    // Bytes from the beginning of the arena,
    var x: UInt64 = 0
    var y: UInt64 = 0
    var residual: UInt64 = 0
    var packed: UInt64 = 0
    var sums: UInt64 = 0
    var rotation: UInt64 = 0
    var slots: UInt64 = 0
    var positions: UInt64 = 0
    var tables: UInt64 = 0
    var tiles: UInt64 = 0
    var partials: UInt64 = 0
    // of the weights, but `scales` in halves from `weights`,
    var weights: UInt64 = 0
    var scales: UInt64 = 0
    var bias: UInt64 = 0
    // and of the cache.
    var keys: UInt64 = 0
    var values: UInt64 = 0

    init(_ kind: UInt32, units: Int) {
      self.kind = kind
      self.units = UInt32(units)
    }
  }

  /// What all attention layers of a program share, as constants of the kernel.
  struct AttentionShape: Equatable {
    var headCount: Int
    var tileRows: Int
    var headRows: Int
    var hasSoftCap: Bool
    var cache: CacheGeometry
  }

  /// How all rotations of a program turn.
  struct RotationShape: Equatable {
    var rotaryDim: Int
    var pairing: RotaryTable.Pairing
  }

  public let queue: Queue
  public var program: StepProgram? { self }

  private let library: KernelLibrary
  private let (arena, weights, cache): (Buffer, Buffer, Buffer)
  private let memory: Buffer
  private let groupCount: Int
  private let capacity: Int

  private var commands: [Command] = []
  private var formats: [UInt32] = []
  private var tile: MatrixProduct.Tile?
  private var dot: IntegerDot?
  private var attention: AttentionShape?
  private var rotation: RotationShape?
  private var kernel: Kernel?
  private var launchCount = 0

  /// Bytes that a program of at most `commandCount` commands keeps on the device.
  public static func deviceBytes(commandCount: Int, limits: DeviceLimits) -> Int {
    commandCount * (MemoryLayout<Command>.stride + 2 * counterBytes(limits.computeUnits))
  }

  /// A counter for each work-group, and one for all, each in a line of the cache.
  private static func counterBytes(_ groupCount: Int) -> Int { (groupCount + 1) * 64 }

  /// An empty program.
  ///
  /// - Parameters:
  ///   - arena, weights, cache: the buffers whose parts the commands will name.
  ///   - memory: `deviceBytes` of them, elsewhere than where commands write.
  /// - Returns: nil where work-groups cannot wait for each other: on all but CPUs.
  public init?(
    _ library: KernelLibrary, limits: DeviceLimits, arena: Buffer, weights: Buffer, cache: Buffer, memory: Buffer,
    commandCount: Int, queue: Queue
  ) {
    guard library.style == .vector, limits.isCPU else { return nil }
    (self.library, self.queue, self.memory) = (library, queue, memory)
    (self.arena, self.weights, self.cache) = (arena.location.whole, weights.location.whole, cache.location.whole)
    groupCount = limits.computeUnits
    capacity = commandCount
  }

  // MARK: Recording

  /// Forgets what was recorded.
  public func clear() {
    (commands, formats, tile, dot, attention, rotation, kernel) = ([], [], nil, nil, nil, nil, nil)
  }

  func offset(inArena buffer: Buffer) throws -> UInt64 { try offset(of: buffer, in: arena) }
  func offset(inWeights buffer: Buffer) throws -> UInt64 { try offset(of: buffer, in: weights) }
  func offset(inCache buffer: Buffer) throws -> UInt64 { try offset(of: buffer, in: cache) }

  private func offset(of buffer: Buffer, in whole: Buffer) throws -> UInt64 {
    let location = buffer.location
    guard location.whole === whole else {
      throw OperatorError(.unrecordable, "a buffer of \(buffer.byteCount) bytes lies outside the program's memory")
    }
    return UInt64(location.byteOffset)
  }

  func record(_ command: Command, format: WeightFormat? = nil) throws {
    guard commands.count < capacity else {
      throw OperatorError(.unrecordable, "a step of more than \(capacity) commands")
    }
    if let format, !formats.contains(format.rawValue) { formats.append(format.rawValue) }
    guard formats.count <= Self.formatNames.count else {
      throw OperatorError(.unrecordable, "a step with weights of more than \(Self.formatNames.count) types")
    }
    commands.append(command)
  }

  /// Records what packs the activations of a product, tile by tile, as its weights' format wants them.
  ///
  /// - Parameter sums: of blocks, for products of float activations; those of 8 bits have them among `packed`.
  func prepare(
    _ x: Buffer, packed: Buffer, sums: Buffer? = nil, tokens: Int, tileCount: Int, for shape: WeightShape
  ) throws {
    let parts = (shape.columns / 32 + Self.preparedBlocks - 1) / Self.preparedBlocks
    var command = Command(Command.Kind.prepare + shape.format.rawValue, units: tileCount * parts)
    command.tokens = UInt32(tokens)
    command.columns = UInt32(shape.columns)
    command.x = try offset(inArena: x)
    command.packed = try offset(inArena: packed)
    command.sums = try sums.map { try offset(inArena: $0) } ?? 0
    try record(command, format: shape.format)
  }

  /// `PREPARED_BLOCKS`
  private static let preparedBlocks = 8

  /// The tile that products have here: the first one's. Results do not depend on it.
  func productTile(_ wanted: MatrixProduct.Tile) -> MatrixProduct.Tile {
    let tile = tile ?? wanted
    self.tile = tile
    return tile
  }

  /// Products of integers, throughout.
  func require(_ dot: IntegerDot) throws {
    guard self.dot == nil || self.dot == dot else {
      throw OperatorError(.unrecordable, "a step whose products sum integers in two ways")
    }
    self.dot = dot
  }

  func require(_ shape: AttentionShape) throws {
    guard attention == nil || attention == shape else {
      throw OperatorError(.unrecordable, "a step whose layers' attention differs in shape")
    }
    attention = shape
  }

  func require(_ shape: RotationShape) throws {
    guard rotation == nil || rotation == shape else {
      throw OperatorError(.unrecordable, "a step whose layers' rotations differ in shape")
    }
    rotation = shape
  }

  // MARK: Running

  /// Whether it can run.
  public var isFinished: Bool { kernel != nil }

  /// Builds the kernel and brings the commands to the device.
  public func finish() throws {
    guard let attention, let rotation, let tile else {
      throw OperatorError(.unrecordable, "a step without attention or products")
    }
    let cache = attention.cache
    let defines: [KernelLibrary.Define] = [
      .init("TILE_M", tile.tokens), .init("TILE_N", tile.groups), .init("TILES", tile.repeats),
      .init("TOKENS", attention.tileRows), .init("HEAD_ROWS", attention.headRows), .init("HEADS", attention.headCount),
      .init("KV_HEADS", cache.kvHeadCount), .init("HAS_SOFT_CAP", attention.hasSoftCap ? 1 : 0),
      .init("HEAD_SIZE", cache.headDim),
      .init("BLOCK_SIZE", cache.blockSize), .init("CACHE_TYPE", cache.cacheType),
      .init("ROTARY", rotation.rotaryDim), .init("PAIRS_ADJACENT", rotation.pairing == .adjacent ? 1 : 0),
    ]
    kernel = try library.kernel(
      "step/step_program.cl", "step_program",
      defines + (dot.map { [.init("FAST", 1), $0.define] } ?? [])
        + zip(Self.formatNames, formats).map { .init("TYPE_\($0)", Int($1)) },
      language: dot?.language ?? .c12)
    try queue.write(commands, to: memory)
    try clearCounters()
  }

  private static let formatNames = "ABCDEF"

  private var countersOffset: Int { capacity * MemoryLayout<Command>.stride }

  private func clearCounters() throws {
    let bytes = 2 * commands.count * Self.counterBytes(groupCount)
    try queue.fill(memory, byteOffset: countersOffset, byteCount: bytes)
    launchCount = 0
  }

  /// Enqueues the step, after `finish`.
  public func run() throws {
    guard let kernel else { throw OperatorError(.unrecordable, "a program that was not finished") }
    do {
      try queue.enqueue(
        kernel, over: NDRange(global: [groupCount], local: [1]), arena, weights, cache, memory, UInt32(commands.count),
        UInt64(countersOffset), UInt32(launchCount % 2))
      launchCount += 1
    } catch {
      try? clearCounters()
      throw error
    }
  }
}
