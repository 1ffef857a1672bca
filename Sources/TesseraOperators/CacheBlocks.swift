import TesseraCL
import TesseraKernels
import TesseraMemory

/// Clears, copies and stages blocks, and moves and turns rows, of the paged cache, by lists: `Kernels/cache/`.
///
/// Every call takes at most two launches a group where the cache lies in one buffer, for all its layers and heads.
package struct CacheBlocks: Sendable {
  let library: KernelLibrary

  /// Bytes that blocks are moved in.
  private static let chunkBytes = 16

  package init(_ library: KernelLibrary) { self.library = library }

  // MARK: Blocks

  /// Enqueues what a reservation needs before the step's kernels: blocks are cleared, and copied.
  package func enqueue(_ work: KVBlockWork, of cache: KVCache, on queue: Queue) throws {
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
        try enqueue(.clear, plane, buffer.view.advanced(byBytes: entries[index].clear), group.clear.count, on: queue)
        try enqueue(.copy, plane, buffer.view.advanced(byBytes: entries[index].copies), group.copies.count, on: queue)
      }
    }
  }

  /// Enqueues the clearing of `count` blocks of a group that has no memory yet: for plans.
  package func enqueueClearing(_ count: Int, planning group: KVGroup, blockCount: Int, on sink: some CommandSink) throws
  {
    for plane in CachePlane.planes(planning: group, blockCount: blockCount) {
      try enqueue(.clear, plane, BufferView(.planned("lists")), count, on: sink)
    }
  }

  /// Bytes of `count` blocks of a group in a staging buffer.
  package static func stagingBytes(_ group: KVGroup, blocks count: Int) -> Int { count * group.bytesPerBlock }

  /// Enqueues copies of blocks to a staging buffer, one behind another.
  ///
  /// - Parameter staging: at least `stagingBytes`. A block has, layer by layer, its keys and then its values, by head.
  package func gather(
    _ blocks: [Int32], group: Int, of cache: KVCache, into staging: Buffer, on queue: Queue
  ) throws {
    try stage(blocks, group, cache, staging, toPools: false, on: queue)
  }

  /// Enqueues copies of blocks from a staging buffer, as `gather` left them.
  package func scatter(
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
    for plane in planes {
      try enqueue(
        .stage(staging.view, blockBytes: blockBytes, toPools: toPools), plane, buffer.view.advanced(byBytes: first),
        blocks.count, on: queue)
    }
  }

  /// What is done with blocks.
  enum BlockWork {
    case clear, copy
    case stage(BufferView, blockBytes: Int, toPools: Bool)
  }

  /// Enqueues work on `count` blocks, or pairs of blocks, of a plane.
  func enqueue(
    _ work: BlockWork, _ plane: CachePlane, _ lists: BufferView, _ count: Int, on sink: some CommandSink
  ) throws {
    guard count > 0 else { return }
    var block = CacheBlockArguments()
    block.stride = UInt64(plane.stride)
    block.heads = UInt32(plane.headCount)
    block.blocks = UInt32(plane.blockCount)
    block.chunks = UInt32(plane.headBytes / Self.chunkBytes)
    var (kernel, staging, written, moved) = ("clear_blocks", BufferView?.none, 0, 1)
    switch work {
    case .clear: break
    case .copy: (kernel, moved) = ("copy_blocks", 2)
    case .stage(let view, let blockBytes, let toPools):
      (kernel, staging, written, moved) = (
        "stage_blocks", view.advanced(byBytes: plane.imageOffset), toPools ? 0 : 2, 2
      )
      block.staging_block = UInt64(blockBytes)
      block.staging_pool = UInt64(plane.imageStride)
      block.to_pools = toPools ? 1 : 0
    }
    let items = plane.headCount * plane.headBytes / Self.chunkBytes
    try sink.dispatch(
      Dispatch(
        KernelVariant("cache/blocks.cl", kernel), block, views: [plane.view, lists, staging], written: [written],
        units: Self.units(items, count, plane.poolCount), localSize: Self.groupSize,
        cost: .init(bytes: moved * count * plane.poolCount * items * Self.chunkBytes)), library)
  }

  // MARK: Launching

  /// Work-items of a work-group, in both styles.
  static let groupSize = Int(CACHE_ITEMS)

  static func units(_ items: Int, _ rows: Int, _ pools: Int = 1) -> Dispatch.Units {
    .init((items + groupSize - 1) / groupSize, rows, pools)
  }

  /// Lists on their way to the device, in one buffer.
  struct Lists {
    private var entries: [Int32] = []

    /// Adds a list; tells where it begins, in bytes.
    mutating func add(_ list: [Int32]) -> Int {
      defer { entries += list }
      return entries.count * 4
    }

    /// The buffer; it lives until the commands that read it have run.
    func upload(on queue: Queue) throws -> Buffer {
      let buffer = try Buffer(queue.context, byteCount: max(1, entries.count) * 4)
      try queue.write(entries, to: buffer)
      return buffer
    }
  }

  static func check(_ list: [Int32], below limit: Int, _ what: String) throws {
    if let wrong = list.first(where: { $0 < 0 || Int($0) >= limit }) {
      throw OperatorError(.shape, "KV \(what) \(wrong): the cache has 0 to \(limit - 1)")
    }
  }
}
