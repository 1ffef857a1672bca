import TesseraCL
import TesseraMemory

/// Clears, copies and stages blocks, and moves and turns rows, of the paged cache, by lists: `Kernels/cache/`.
///
/// Every call takes at most two launches a group where the cache lies in one buffer, for all its layers and heads.
public struct CacheBlocks: Sendable {
  let library: KernelLibrary

  /// Work-items of a work-group.
  private static let groupSize = 64
  /// Bytes that blocks are moved in.
  private static let chunkBytes = 16

  public init(_ library: KernelLibrary) { self.library = library }

  // MARK: Blocks

  /// Enqueues what a reservation needs before the step's kernels: blocks are cleared, and copied.
  public func enqueue(_ work: KVBlockWork, of cache: KVCache, on queue: Queue) throws {
    guard !work.isEmpty else { return }
    var lists = Lists()
    let entries = work.groups.map { group in
      (clear: lists.add(group.clear), copies: lists.add(group.copies.flatMap { [$0.from, $0.to] }))
    }
    let buffer = try lists.upload(on: queue)
    for (index, group) in work.groups.enumerated() where !group.isEmpty {
      try Self.check(
        group.clear + group.copies.flatMap { [$0.from, $0.to] }, below: cache.blockCounts[index], "block")
      for plane in try CachePlane.planes(of: cache, group: index) {
        try launch("clear_blocks", plane, buffer, entries[index].clear, group.clear.count, on: queue)
        try launch("copy_blocks", plane, buffer, entries[index].copies, group.copies.count, on: queue)
      }
    }
  }

  /// Bytes of `count` blocks of a group in a staging buffer.
  public static func stagingBytes(_ group: KVGroup, blocks count: Int) -> Int { count * group.bytesPerBlock }

  /// Enqueues copies of blocks to a staging buffer, one behind another: the bytes of a `KVBlockImage`.
  ///
  /// - Parameter staging: at least `stagingBytes`. A block has, layer by layer, its keys and then its values, by head.
  public func gather(
    _ blocks: [Int32], group: Int, of cache: KVCache, into staging: Buffer, on queue: Queue
  ) throws {
    try stage(blocks, group, cache, staging, toPools: false, on: queue)
  }

  /// Enqueues copies of blocks from a staging buffer, as `gather` left them.
  public func scatter(
    _ staging: Buffer, into blocks: [Int32], group: Int, of cache: KVCache, on queue: Queue
  ) throws {
    try stage(blocks, group, cache, staging, toPools: true, on: queue)
  }

  private func stage(
    _ blocks: [Int32], _ index: Int, _ cache: KVCache, _ staging: Buffer, toPools: Bool, on queue: Queue
  ) throws {
    guard !blocks.isEmpty else { return }
    let planes = try CachePlane.planes(of: cache, group: index)
    try Self.check(blocks, below: cache.blockCounts[index], "block")
    let blockBytes = cache.layout.groups[index].bytesPerBlock
    guard staging.byteCount / blockBytes >= blocks.count else {
      throw OperatorError(
        .shape, "\(blocks.count) KV blocks of \(blockBytes) bytes do not fit a buffer of \(staging.byteCount)")
    }
    var lists = Lists()
    let first = lists.add(blocks)
    let buffer = try lists.upload(on: queue)
    let kernel = try self.kernel("cache/blocks.cl", "stage_blocks")
    for plane in planes {
      let chunks = plane.headBytes / Self.chunkBytes
      try queue.enqueue(
        kernel, over: Self.range(plane.headCount * chunks, blocks.count, plane.poolCount), plane.buffer, buffer,
        staging,
        first, Self.units(plane.offset, Self.chunkBytes), Self.units(plane.stride, Self.chunkBytes),
        UInt32(plane.headCount), UInt32(plane.blockCount), UInt32(chunks),
        Self.units(plane.imageOffset, Self.chunkBytes), Self.units(blockBytes, Self.chunkBytes),
        Self.units(plane.imageStride, Self.chunkBytes), UInt32(toPools ? 1 : 0))
    }
  }

  private func launch(
    _ name: String, _ plane: CachePlane, _ lists: Buffer, _ first: UInt32, _ count: Int, on queue: Queue
  ) throws {
    guard count > 0 else { return }
    let chunks = plane.headBytes / Self.chunkBytes
    try queue.enqueue(
      kernel("cache/blocks.cl", name),
      over: Self.range(plane.headCount * chunks, count, plane.poolCount), plane.buffer, lists, first,
      Self.units(plane.offset, Self.chunkBytes), Self.units(plane.stride, Self.chunkBytes), UInt32(plane.headCount),
      UInt32(plane.blockCount), UInt32(chunks))
  }

  // MARK: Launching

  func kernel(_ file: String, _ function: String, _ defines: [KernelVariant.Define] = []) throws -> Kernel {
    try library.kernel(KernelVariant(file, function, defines), localSize: Self.groupSize)
  }

  /// Lists on their way to the device, in one buffer.
  struct Lists {
    private var entries: [Int32] = []

    /// Adds a list; tells its first entry.
    mutating func add(_ list: [Int32]) -> UInt32 {
      defer { entries += list }
      return UInt32(entries.count)
    }

    /// The buffer; it lives until the commands that read it have run.
    func upload(on queue: Queue) throws -> Buffer {
      let buffer = try Buffer(queue.context, byteCount: max(1, entries.count) * 4)
      try queue.write(entries, to: buffer)
      return buffer
    }
  }

  static func range(_ items: Int, _ rows: Int, _ pools: Int? = nil) -> NDRange {
    let global = [(items + groupSize - 1) / groupSize * groupSize, rows] + (pools.map { [$0] } ?? [])
    return NDRange(global: global, local: [groupSize, 1] + (pools == nil ? [] : [1]))
  }

  static func units(_ bytes: Int, _ unit: Int) -> UInt64 { UInt64(bytes / unit) }

  static func check(_ list: [Int32], below limit: Int, _ what: String) throws {
    if let wrong = list.first(where: { $0 < 0 || Int($0) >= limit }) {
      throw OperatorError(.shape, "KV \(what) \(wrong): the cache has 0 to \(limit - 1)")
    }
  }
}
