import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference

/// A cache of one group with random rows in every slot, on the device and as plain numbers.
package struct CacheProblem {
  /// The keys or the values of a layer.
  package struct Pool {
    package let packing: CachePacking
    package let headCount, slotCount: Int
    /// (head, slot, size): what is kept, as floats.
    package var rows: [Float]

    package func row(_ head: Int, _ slot: Int) -> Range<Int> {
      let start = (head * slotCount + slot) * packing.size
      return start..<start + packing.size
    }

    /// The pool's bytes, row by row.
    package var bytes: [UInt8] {
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

  package let cache: KVCache
  package let group: KVGroup
  package let blockCount: Int
  /// (layers, keys and then values unless they are shared).
  package var pools: [[Pool]]

  package init(_ geometry: KVGeometry, layers: Int = 2, blockSize: Int = 16, blockCount: Int = 5, on bench: Workbench)
    throws
  {
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
          isKeys: isKeys, style: bench.library.style)
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
  package mutating func changeRows(_ body: (inout [Float], (_ slot: Int) -> Range<Int>) -> Void) {
    for layer in pools.indices {
      for index in pools[layer].indices {
        let pool = pools[layer][index]
        for head in 0..<pool.headCount { body(&pools[layer][index].rows) { pool.row(head, $0) } }
      }
    }
  }

  /// Turns keys as `CacheBlocks.rotate` does.
  ///
  /// - Parameter rotation: (slots, rotaryDim / 2) pairs of cosine and sine.
  package mutating func turn(
    _ slots: [Int32], by rotation: [Float], rotaryDim: Int, begin: Int, pairing: RotaryTable.Pairing
  ) {
    let keys = group.geometry.keys
    for layer in pools.indices {
      let pool = pools[layer][0]
      for head in 0..<pool.headCount {
        for (index, slot) in slots.enumerated() {
          let row = pool.row(head, Int(slot))
          let stored = ReferenceCacheType(keys).rounded(Array(pool.rows[row]))
          var x = stored
          for pair in 0..<rotaryDim / 2 {
            let a = begin + (pairing == .interleaved ? 2 * pair : pair)
            let b = pairing == .interleaved ? a + 1 : a + rotaryDim / 2
            let at = (index * rotaryDim / 2 + pair) * 2
            let (cosine, sine) = (rotation[at], rotation[at + 1])
            x[a] = (-(stored[b] * sine)).addingProduct(stored[a], cosine)
            x[b] = (stored[b] * cosine).addingProduct(stored[a], sine)
          }
          // Blocks without an element that turns keep their bits.
          let unit = keys.blockElements
          for i in begin / unit * unit..<(begin + rotaryDim + unit - 1) / unit * unit {
            pools[layer][0].rows[row.lowerBound + i] = x[i]
          }
        }
      }
    }
  }

  /// The pools on the device that do not hold what is expected.
  package func differing(on bench: Workbench) throws -> [String] {
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
  package func image(of blocks: [Int32]) -> [UInt8] {
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
