import Testing

@testable import TesseraMemory

@Suite("KV cache layout")
struct KVCacheLayoutTests {
  @Test("sizes count keys and values of every layer, also where layers differ")
  func sizes() throws {
    let layout = try KVCacheLayout(kvHeadCounts: [1, 4, 2], headDim: 32, elementType: .f16, blockSize: 32)
    #expect(layout.bytesPerToken == 2 * (1 + 4 + 2) * 32 * 2)
    #expect(layout.bytesPerBlock == 32 * layout.bytesPerToken)
    #expect(layout.largestPoolBytesPerToken == 4 * 32 * 2)
    #expect((0..<3).reduce(0) { $0 + 2 * layout.poolBytesPerBlock(layer: $1) } == layout.bytesPerBlock)
  }

  @Test("offsets give every element of a pool its own place, in the documented order")
  func offsets() throws {
    let layout = try KVCacheLayout(layerCount: 1, kvHeadCount: 3, headDim: 8, blockSize: 48)
    var keys = Set<Int>()
    var values = Set<Int>()
    for head in 0..<3 {
      for slot in 0..<2 * 48 {
        for element in 0..<8 {
          keys.insert(layout.keyOffset(kvHead: head, slot: slot, element: element, blockCount: 2))
          values.insert(layout.valueOffset(kvHead: head, slot: slot, element: element, blockCount: 2))
        }
      }
    }
    #expect(keys == Set(0..<2 * layout.elementsPerBlock(layer: 0)))
    #expect(values == keys)
    // [kvHead 2][block 1 of 2][group 1 of 3][element 5 of 8][token 3 of 16]
    #expect(
      layout.keyOffset(kvHead: 2, slot: 48 + 19, element: 5, blockCount: 2) == (((2 * 2 + 1) * 3 + 1) * 8 + 5) * 16 + 3)
    // [kvHead 2][block 1 of 2][token 19 of 48][element 5 of 8]
    #expect(
      layout.valueOffset(kvHead: 2, slot: 48 + 19, element: 5, blockCount: 2) == ((2 * 2 + 1) * 48 + 19) * 8 + 5)
  }

  @Test("block counts round up per sequence")
  func blockCounts() throws {
    let layout = try KVCacheLayout(layerCount: 2, kvHeadCount: 1, headDim: 8)
    #expect([0, 1, 64, 65].map { layout.blockCount(tokens: $0) } == [0, 1, 1, 2])
    #expect(try layout.blockCount(contextLength: 100, sequenceCount: 3) == 6)
    #expect(throws: MemoryError.self) { try layout.blockCount(contextLength: Int.max, sequenceCount: 1) }
    #expect(throws: MemoryError.self) { try layout.blockCount(contextLength: Int.max, sequenceCount: Int.max) }
  }

  @Test("absurd shapes are refused without a trap")
  func refusals() {
    for (layers, heads, dim, block) in [
      (0, 1, 8, 64), (-1, 1, 8, 64), (1, 0, 8, 64), (1, -3, 8, 64), (1, 1, 0, 64), (1, 1, 8, 0), (1, 1, 8, 24),
      (1, 1, 8, -64), (2, Int.max, 8, 64), (1, 1, Int.max, 64), (1, 1 << 40, 1 << 30, 64), (Int.max, 1, 8, 64),
      (1, 1, 8, Int.max - 15),
    ] {
      #expect(throws: MemoryError.self) {
        try KVCacheLayout(layerCount: layers, kvHeadCount: heads, headDim: dim, blockSize: block)
      }
    }
    #expect(throws: MemoryError.self) { try KVCacheLayout(kvHeadCounts: [], headDim: 8) }
  }
}
