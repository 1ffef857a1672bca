import TesseraCL
import TesseraKernels
import TesseraMemory

extension CacheBlocks {
  /// Enqueues moves of rows in a group, one after the other: `KVSequence.commit(keeping:)` tells them.
  package func move(_ moves: [KVRowMove], group: Int, of cache: KVCache, on queue: Queue) throws {
    guard !moves.isEmpty else { return }
    let planes = try CachePlane.planes(of: cache, group: group)
    let slots = moves.flatMap { [$0.from, $0.to] }
    try Self.check(slots, below: cache.blockCounts[group] * cache.layout.groups[group].blockSize, "slot")
    var lists = Lists()
    _ = lists.add(slots)
    let buffer = try lists.upload(on: queue)
    for plane in planes { try enqueue(.move, plane, buffer.view, moves.count, on: queue) }
  }

  /// Enqueues the turning of keys whose positions shift.
  ///
  /// Where keys are quantized, the blocks that turned are rounded anew.
  ///
  /// - Parameters:
  ///   - slots: of the rows, each once.
  ///   - rotation: (slots, rotaryDim / 2) pairs of the cosine and sine of the angles to add, without a scale; see
  ///     `RotaryTable`.
  ///   - rotaryBegin: the first element of a head that turns.
  package func rotate(
    _ slots: [Int32], by rotation: Buffer, rotaryDim: Int, rotaryBegin: Int = 0, pairing: RotaryTable.Pairing,
    group: Int, of cache: KVCache, on queue: Queue
  ) throws {
    guard !slots.isEmpty else { return }
    let planes = try CachePlane.planes(of: cache, group: group).filter(\.isKeys)
    try Self.check(slots, below: cache.blockCounts[group] * cache.layout.groups[group].blockSize, "slot")
    let size = cache.layout.groups[group].geometry.keyDim
    guard rotaryDim > 0, rotaryDim.isMultiple(of: 2), (0...size).contains(rotaryBegin), rotaryDim <= size - rotaryBegin,
      rotation.byteCount / (rotaryDim * 4) >= slots.count, Set(slots).count == slots.count
    else {
      throw OperatorError(
        .shape,
        "\(rotaryDim) rotary dimensions from \(rotaryBegin) of keys of \(size), \(slots.count) rows, rotations of "
          + "\(rotation.byteCount) bytes: dimensions are even and inside the key, each row is named once")
    }
    var lists = Lists()
    _ = lists.add(slots)
    let buffer = try lists.upload(on: queue)
    for plane in planes {
      try enqueue(
        .rotate(rotation.view, begin: rotaryBegin, rotaryDim: rotaryDim, pairing), plane, buffer.view, slots.count,
        on: queue)
    }
  }

  /// Bytes of `count` rows of a group in a staging buffer; those of keys and of values begin at multiples of 16.
  package static func stagingBytes(of cache: KVCache, group: Int, rows count: Int) throws -> Int {
    try CachePlane.planes(of: cache, group: group).reduce(0) { $0 + $1.stagedBytes(rows: count) }
  }

  /// Enqueues copies of rows to a staging buffer, as they are encoded: all rows' keys, then all rows' values, each by row,
  /// layer and head.
  ///
  /// - Parameter staging: at least `stagingBytes(of:group:rows:)`.
  package func gather(
    slots: [Int32], group: Int, of cache: KVCache, into staging: Buffer, on queue: Queue
  ) throws {
    try stage(slots, group, cache, staging, toPools: false, on: queue)
  }

  /// Enqueues copies of rows from a staging buffer, as `gather(slots:)` left them.
  package func scatter(
    _ staging: Buffer, intoSlots slots: [Int32], group: Int, of cache: KVCache, on queue: Queue
  ) throws {
    try stage(slots, group, cache, staging, toPools: true, on: queue)
  }

  private func stage(
    _ slots: [Int32], _ group: Int, _ cache: KVCache, _ staging: Buffer, toPools: Bool, on queue: Queue
  ) throws {
    guard !slots.isEmpty else { return }
    let planes = try CachePlane.planes(of: cache, group: group)
    try Self.check(slots, below: cache.blockCounts[group] * cache.layout.groups[group].blockSize, "slot")
    let needed = try Self.stagingBytes(of: cache, group: group, rows: slots.count)
    guard staging.byteCount >= needed else {
      throw OperatorError(
        .shape, "\(slots.count) KV rows of \(needed) bytes do not fit a buffer of \(staging.byteCount)")
    }
    var lists = Lists()
    _ = lists.add(slots)
    let buffer = try lists.upload(on: queue)
    var begin = 0
    for plane in planes {
      try enqueue(
        .stage(staging.view.advanced(byBytes: begin), toPools: toPools), plane, buffer.view, slots.count, on: queue)
      begin += plane.stagedBytes(rows: slots.count)
    }
  }

  /// What is done with rows.
  enum RowWork {
    case move
    case stage(BufferView, toPools: Bool)
    case rotate(BufferView, begin: Int, rotaryDim: Int, RotaryTable.Pairing)
  }

  /// Enqueues work on `count` rows, or moves of rows, of a plane.
  func enqueue(
    _ work: RowWork, _ plane: CachePlane, _ lists: BufferView, _ count: Int, on sink: some CommandSink
  ) throws {
    var block = CacheRowArguments()
    block.stride = UInt64(plane.stride)
    block.heads = UInt32(plane.headCount)
    block.blocks = UInt32(plane.blockCount)
    block.block_size = UInt32(plane.blockSize)
    block.size = UInt32(plane.size)
    block.is_keys = plane.isKeys ? 1 : 0
    block.count = UInt32(count)
    block.pool_count = UInt32(plane.poolCount)
    var variant = KernelVariant("cache/blocks.cl", "move_rows", [.init("KEY_TYPE", plane.encoding.kernelNumber)])
    var units = Self.units(plane.headCount * plane.pieces, plane.poolCount)
    var (rows, written) = (BufferView?.none, 0)
    switch work {
    case .move: break
    case .stage(let view, let toPools):
      variant.function = "stage_rows"
      (rows, written) = (view, toPools ? 0 : 2)
      block.to_pools = toPools ? 1 : 0
      units = Self.units(plane.headCount * plane.pieces, count, plane.poolCount)
    case .rotate(let view, let begin, let rotaryDim, let pairing):
      (variant.file, variant.function) = ("cache/rotate.cl", "rotate_keys")
      variant.defines += [.init("KEY_SIZE", plane.size), .init("INTERLEAVED", pairing == .interleaved ? 1 : 0)]
      rows = view
      block.begin = UInt32(begin)
      block.rotary = UInt32(rotaryDim)
      let items = plane.headCount * (plane.encoding.blockElements == 1 ? rotaryDim / 2 : Self.groupSize)
      units = Self.units(items, count, plane.poolCount)
    }
    try sink.dispatch(
      Dispatch(
        variant, block, views: [plane.view, lists, rows], written: [written], units: units, localSize: Self.groupSize,
        cost: .init(bytes: 2 * count * plane.poolCount * plane.headCount * plane.headBytes / plane.blockSize)),
      library)
  }
}
