import TesseraCL
import TesseraMemory
import TesseraOperators

/// What describes a batch to the device, packed so that it travels in one write.
struct StepInputs {
  let ids: Buffer  // (tokens) UInt32
  let positions: Buffer  // (tokens) Int32
  let slots: Buffer  // (tokens) UInt32
  let tiles: Buffer  // (tiles) FlashAttention.Tile
  let rotations: [Buffer]  // per rotary table (tokens, rotaryDim / 2, 2)
  let tables: Buffer  // UInt32: block ids of every sequence

  /// Bytes for batches of at most `tokens` tokens whose block tables have at most `blocks` entries.
  static func byteCount(tokens: Int, blocks: Int, rotaryTables: Int, rotaryDim: Int, alignment: Int) -> Int {
    let sections = [tokens * 4, tokens * 4, tokens * 4, tokens * MemoryLayout<FlashAttention.Tile>.stride, blocks * 4]
    return (sections + Array(repeating: tokens * rotaryDim * 4, count: rotaryTables))
      .reduce(0) { $0 + DeviceSlab.paddedBytes($1, alignment: alignment) }
  }

  /// Writes a batch's description to `buffer`.
  ///
  /// The tables come last, so that all else lies at the same place for every batch of as many tokens.
  init(
    ids: [UInt32], positions: [Int32], slots: [UInt32], tiles: [FlashAttention.Tile], rotations: [[Float]],
    tables: [UInt32], to buffer: Buffer, on queue: Queue
  ) throws {
    var bytes: [UInt8] = []
    let alignment = buffer.context.device.profile.baseAddressAlignment
    func append<T: BitwiseCopyable>(_ values: [T]) -> Range<Int> {
      let start = DeviceSlab.paddedBytes(bytes.count, alignment: alignment)
      bytes += Array(repeating: 0, count: start - bytes.count)
      values.withUnsafeBytes { bytes += $0 }
      return start..<bytes.count
    }
    let sections = [append(ids), append(positions), append(slots), append(tiles)]
    let rotationSections = rotations.map { append($0) }
    let tableSection = append(tables)
    try queue.write(bytes, to: buffer)
    func slice(_ section: Range<Int>) throws -> Buffer {
      try buffer.slice(offset: section.lowerBound, byteCount: section.count)
    }
    self.ids = try slice(sections[0])
    self.positions = try slice(sections[1])
    self.slots = try slice(sections[2])
    self.tiles = try slice(sections[3])
    self.rotations = try rotationSections.map(slice)
    self.tables = try slice(tableSection)
  }
}
