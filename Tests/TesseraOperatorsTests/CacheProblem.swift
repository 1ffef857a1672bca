import TesseraCL
import TesseraMemory
import TesseraReference

@testable import TesseraOperators

/// A cache of one group with random rows in every slot, on the device and as plain numbers.
struct CacheProblem {
  /// The keys or the values of a layer.
  struct Pool {
    let packing: CachePacking
    let headCount, slotCount: Int
    /// (head, slot, size): what is kept, as floats.
    var rows: [Float]

    func row(_ head: Int, _ slot: Int) -> Range<Int> {
      let start = (head * slotCount + slot) * packing.size
      return start..<start + packing.size
    }

    /// The pool's bytes, row by row.
    var bytes: [UInt8] {
      let encoding = packing.element
      let groupBytes = packing.size * 16 / encoding.blockElements * encoding.blockBytes
      var bytes = [UInt8](repeating: 0, count: headCount * slotCount / 16 * groupBytes)
      for head in 0..<headCount {
        for slot in 0..<slotCount {
          let group = (head * slotCount + slot) / 16 * groupBytes
          packing.store(Array(rows[row(head, slot)]), token: slot % 16, in: &bytes, at: group)
        }
      }
      return bytes
    }
  }

  let cache: KVCache
  let group: KVGroup
  let blockCount: Int
  /// (layers, keys and then values unless they are shared).
  var pools: [[Pool]]

  init(_ geometry: KVGeometry, layers: Int = 2, blockSize: Int = 16, blockCount: Int = 5, on bench: Bench) throws {
    let layout = try KVCacheLayout(layerCount: layers, geometry: geometry, blockSize: blockSize)
    cache = try KVCache(layout, blockCounts: [blockCount], on: bench.heap)
    group = layout.groups[0]
    self.blockCount = blockCount
    var generator = SeededGenerator(seed: 77)
    var pools: [[Pool]] = []
    for layer in 0..<layers {
      var layerPools: [Pool] = []
      for isKeys in geometry.sharesValues ? [true] : [true, false] {
        let packing = CachePacking(
          element: isKeys ? geometry.keys : geometry.values, size: isKeys ? geometry.keyDim : geometry.valueDim,
          isKeys: isKeys)
        let slots = blockCount * blockSize
        let pool = Pool(
          packing: packing, headCount: geometry.kvHeadCount, slotCount: slots,
          rows: generator.floats(geometry.kvHeadCount * slots * packing.size, magnitude: 3))
        try bench.queue.write(pool.bytes, to: isKeys ? cache.keys(layer: layer) : cache.values(layer: layer))
        layerPools.append(pool)
      }
      pools.append(layerPools)
    }
    self.pools = pools
  }

  /// Changes the rows of every head in every pool.
  mutating func changeRows(_ body: (inout [Float], (_ slot: Int) -> Range<Int>) -> Void) {
    for layer in pools.indices {
      for index in pools[layer].indices {
        let pool = pools[layer][index]
        for head in 0..<pool.headCount { body(&pools[layer][index].rows) { pool.row(head, $0) } }
      }
    }
  }

  /// The pools on the device that do not hold what is expected.
  func differing(on bench: Bench) throws -> [String] {
    var wrong: [String] = []
    for layer in pools.indices {
      for (index, pool) in pools[layer].enumerated() {
        let expected = pool.bytes
        let buffer = try index == 0 ? cache.keys(layer: layer) : cache.values(layer: layer)
        if try bench.queue.read(buffer, as: UInt8.self, count: expected.count) != expected {
          wrong.append("\(index == 0 ? "keys" : "values") of layer \(layer)")
        }
      }
    }
    return wrong
  }

  /// Blocks as `CacheBlocks.gather` lays them out, byte by byte.
  func image(of blocks: [Int32]) -> [UInt8] {
    blocks.flatMap { block in
      pools.flatMap { layer in
        layer.flatMap { pool -> [UInt8] in
          let bytes = pool.bytes
          let headBytes = bytes.count / pool.headCount / blockCount
          return (0..<pool.headCount).flatMap { head -> ArraySlice<UInt8> in
            let start = (head * blockCount + Int(block)) * headBytes
            return bytes[start..<start + headBytes]
          }
        }
      }
    }
  }
}
