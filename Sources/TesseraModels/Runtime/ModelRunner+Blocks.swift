import TesseraCL
import TesseraMemory
import TesseraOperators

/// The keys and values of a sequence in host memory: of each group the blocks that a query behind them may touch.
package struct KVSwap: Sendable {
  /// Tokens that they are of.
  package let tokenCount: Int
  /// One a group, block by block.
  package let bytes: [[UInt8]]
  /// Bytes of all groups.
  package var byteCount: Int { bytes.reduce(0) { $0 + $1.count } }
}

/// Blocks of the cache on their way to the host and back.
extension ModelRunner {
  /// Bytes that `swapOut` copies.
  package func swapBytes(_ sequence: KVSequence) -> Int {
    let count = sequence.tokenCount
    return cache.layout.groups.reduce(0) { $0 + $1.neededBlocks(rows: count).count * $1.bytesPerBlock }
  }

  /// Copies a sequence's blocks to the host; waits for the device.
  package func swapOut(_ sequence: KVSequence) throws -> KVSwap {
    let (count, tables) = (sequence.tokenCount, sequence.tables)
    let bytes = try cache.layout.groups.indices.map { index in
      let group = cache.layout.groups[index]
      let needed = group.neededBlocks(rows: count)
      let blocks = needed.compactMap { tables[index].block($0) }
      guard blocks.count == needed.count else { throw ModelError(.badBatch, "a sequence without its keys: it was cut") }
      return try read(blocks, group: index)
    }
    return KVSwap(tokenCount: count, bytes: bytes)
  }

  /// Fills an empty sequence with what was copied to the host; blocks whose names the cache knows need not be copied back.
  ///
  /// - Throws: what `KVSequence.restore` throws, `CLError`, `MemoryError`; the sequence is empty then.
  package func swapIn(_ swap: KVSwap, to sequence: KVSequence) throws {
    do {
      let restoration = try sequence.restore(swap.tokenCount)
      try blocks.enqueue(restoration.reservation.work, of: cache, on: queue)
      for (index, new) in restoration.newBlocks.enumerated() where !new.isEmpty {
        let (group, table) = (cache.layout.groups[index], restoration.reservation.tables[index])
        let places = Dictionary(
          group.neededBlocks(rows: swap.tokenCount).enumerated().map { ($0.element, $0.offset) },
          uniquingKeysWith: { first, _ in first })
        try write(to: new.compactMap { table.block($0) }, group: index) { number in
          guard let place = places[new[number]] else {
            throw ModelError(.badBatch, "block \(new[number]) of a sequence was not copied")
          }
          return swap.bytes[index][place * group.bytesPerBlock..<(place + 1) * group.bytesPerBlock]
        }
      }
      try sequence.commit(swap.tokenCount)
    } catch {
      sequence.abandon()
      throw error
    }
  }

  /// Fills an empty sequence with `count` tokens: blocks that the cache has under its names, and blocks of bytes.
  ///
  /// - Parameter bytes: a block's by its number, all groups' one behind the other.
  /// - Returns: the numbers of the blocks whose bytes were needed.
  /// - Throws: what `KVSequence.restore` throws, `CLError`, `MemoryError`; the sequence is empty then.
  package func restore(
    _ sequence: KVSequence, count: Int, _ bytes: (Int) -> [UInt8]?
  ) throws -> Set<Int> {
    do {
      let restoration = try sequence.restore(count)
      try blocks.enqueue(restoration.reservation.work, of: cache, on: queue)
      var offset = 0
      for (index, new) in restoration.newBlocks.enumerated() {
        let size = cache.layout.groups[index].bytesPerBlock
        let table = restoration.reservation.tables[index]
        try write(to: new.compactMap { table.block($0) }, group: index) { number in
          guard let bytes = bytes(new[number]), bytes.count >= offset + size else {
            throw ModelError(.badBatch, "block \(new[number]) of a sequence is nowhere")
          }
          return bytes[offset..<offset + size]
        }
        offset += size
      }
      try sequence.commit(count)
      return Set(restoration.newBlocks.joined())
    } catch {
      sequence.abandon()
      throw error
    }
  }

  /// Copies a block of each group to the host and back, before any is used: what copies them is then on the device, and the first
  /// request that has blocks elsewhere does not wait for it.
  package func prepareCopies() throws {
    for index in cache.layout.groups.indices {
      let bytes = try read([0], group: index)
      try write(to: [0], group: index) { _ in bytes[...] }
    }
    try queue.finish()
  }

  /// The bytes of some blocks of a group, as `CacheBlocks.gather` lays them out; waits for the device.
  package func read(_ blocks: [Int32], group index: Int) throws -> [UInt8] {
    guard !blocks.isEmpty else { return [] }
    let size = cache.layout.groups[index].bytesPerBlock
    let staging = try blockStaging(for: size)
    let most = max(1, staging.byteCount / size)
    return try [UInt8](unsafeUninitializedCapacity: blocks.count * size) { memory, count in
      for first in stride(from: 0, to: blocks.count, by: most) {
        let piece = Array(blocks[first..<min(first + most, blocks.count)])
        try self.blocks.gather(piece, group: index, of: cache, into: staging, on: queue)
        let bytes = UnsafeMutableRawBufferPointer(memory)
        try queue.read(
          staging, into: UnsafeMutableRawBufferPointer(rebasing: bytes[first * size..<(first + piece.count) * size]))
        count += piece.count * size
      }
    }
  }

  /// Writes the bytes of some blocks of a group, as `read` gives them.
  ///
  /// - Parameter bytes: of one of them, by its place in the list.
  private func write(to blocks: [Int32], group index: Int, _ bytes: (Int) throws -> ArraySlice<UInt8>) throws {
    guard !blocks.isEmpty else { return }
    let size = cache.layout.groups[index].bytesPerBlock
    let staging = try blockStaging(for: size)
    let most = max(1, staging.byteCount / size)
    for first in stride(from: 0, to: blocks.count, by: most) {
      let piece = Array(blocks[first..<min(first + most, blocks.count)])
      for place in piece.indices {
        let block = try bytes(first + place)
        guard block.count == size else {
          throw ModelError(.badBatch, "\(block.count) bytes for a KV block of \(size)")
        }
        try block.withUnsafeBytes { try queue.write($0, to: staging, byteOffset: place * size) }
      }
      try self.blocks.scatter(staging, into: piece, group: index, of: cache, on: queue)
    }
  }

  /// A buffer for at least a block, and as many as what loading passed through takes.
  private func blockStaging(for blockBytes: Int) throws -> Buffer {
    if let blockStaging, blockStaging.byteCount >= blockBytes { return blockStaging.buffer }
    blockStaging = nil
    let largest = cache.layout.groups.map(\.bytesPerBlock).max() ?? blockBytes
    let new = try heap.allocate(
      byteCount: max(largest, min(plan.stagingBytes, cache.byteCount) / largest * largest), purpose: .staging,
      label: "blocks on their way")
    blockStaging = new
    return new.buffer
  }
}
