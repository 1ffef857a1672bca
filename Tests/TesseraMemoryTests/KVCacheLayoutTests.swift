import Testing

@testable import TesseraMemory

@Suite("KV cache layout")
struct KVCacheLayoutTests {
  @Test("sizes count keys and values of every layer, also where groups, sizes and encodings differ")
  func sizes() throws {
    let wide = try KVGeometry(kvHeadCount: 4, keyDim: 96, valueDim: 64, keys: .q8_0, values: .q4_0)
    let shared = try KVGeometry(kvHeadCount: 1, keyDim: 576, valueDim: 512, sharesValues: true, keys: .f16)
    let layout = try KVCacheLayout(groups: [
      KVGroup(layers: [0, 2, 5], geometry: wide, blockSize: 32),
      KVGroup(layers: [1], geometry: shared, kind: .window(512, sinks: 4)),
      KVGroup(layers: [3, 4], geometry: wide, kind: .transient, blockSize: 16),
    ])
    #expect(wide.keyBytesPerToken == 4 * 3 * 34 && wide.valueBytesPerToken == 4 * 2 * 18)
    #expect(layout.groups[0].bytesPerBlock == 3 * 32 * (4 * 3 * 34 + 4 * 2 * 18))
    #expect(layout.groups[0].headKeyBytesPerBlock == 32 * 3 * 34 && layout.groups[0].headValueBytesPerBlock == 32 * 36)
    #expect(layout.groups[1].bytesPerBlock == 64 * 576 * 2 && layout.groups[1].largestPoolBytesPerBlock == 64 * 576 * 2)
    // One pool for both layers.
    #expect(layout.groups[2].bytesPerBlock == 16 * (4 * 3 * 34 + 4 * 2 * 18))
    #expect(layout.bytesPerToken == 3 * (4 * 3 * 34 + 4 * 2 * 18))
    #expect(try [0, 1, 4, 5].map { try layout.group(ofLayer: $0) } == [0, 1, 2, 0])
    #expect(throws: MemoryError.self) { try layout.group(ofLayer: 6) }
    #expect(
      try layout.byteCount(blockCounts: [2, 3, 4])
        == zip(layout.groups, [2, 3, 4]).reduce(0) { $0 + $1.0.bytesPerBlock * $1.1 })
    for counts in [[1, 1], [1, 1, 0], [1, -1, 1], [Int.max, 1, 1]] {
      #expect(throws: MemoryError.self) { try layout.byteCount(blockCounts: counts) }
    }
  }

  @Test("as many sequences as some memory has room for, and no more")
  func sequences() throws {
    let geometry = try KVGeometry(kvHeadCount: 2, keyDim: 32, valueDim: 32)
    let layout = try KVCacheLayout(groups: [
      KVGroup(layers: [0], geometry: geometry), KVGroup(layers: [1], geometry: geometry, kind: .window(100, sinks: 4)),
    ])
    func bytes(_ sequences: Int) throws -> Int {
      try layout.byteCount(
        blockCounts: layout.blockCounts(contextLength: 1000, sequenceCount: sequences, stepTokens: 64))
    }
    func count(_ limit: Int?, most: Int = 100) throws -> Int {
      try layout.sequenceCount(within: limit, atMost: most, contextLength: 1000) { _ in 64 }
    }
    for sequences in [1, 2, 7, 99, 100] {
      #expect(try count(bytes(sequences)) == sequences)
      #expect(try count(bytes(sequences) + 1) == sequences)
      if sequences > 1 { #expect(try count(bytes(sequences) - 1) == sequences - 1) }
    }
    #expect(try count(nil) == 100 && count(.max) == 100 && count(bytes(9), most: 3) == 3)
    let least = try bytes(1)
    #expect(throws: MemoryError.self) { try count(least - 1) }
  }

  @Test("offsets give every element of a pool its own place, in the documented order")
  func offsets() throws {
    let geometry = try KVGeometry(kvHeadCount: 3, keyDim: 8, valueDim: 24)
    var keys: [KernelStyle: Set<Int>] = [:]
    var values = Set<Int>()
    for head in 0..<3 {
      for slot in 0..<2 * 48 {
        for element in 0..<8 {
          for style in KernelStyle.allCases {
            keys[style, default: []].insert(
              geometry.keyOffset(kvHead: head, slot: slot, element: element, slotCount: 96, style: style))
          }
        }
        for element in 0..<24 {
          values.insert(geometry.valueOffset(kvHead: head, slot: slot, element: element, slotCount: 96))
        }
      }
    }
    for style in KernelStyle.allCases { #expect(keys[style] == Set(0..<3 * 96 * 8)) }
    #expect(values == Set(0..<3 * 96 * 24))
    // [kvHead 2][block 1 of 2][group 1 of 3][element 5 of 8][token 3 of 16]
    #expect(
      geometry.keyOffset(kvHead: 2, slot: 48 + 19, element: 5, slotCount: 96, style: .vector)
        == (((2 * 2 + 1) * 3 + 1) * 8 + 5) * 16 + 3)
    // [kvHead 2][block 1 of 2][group 1 of 3][run 1 of 2][token 3 of 16][element 1 of 4]
    #expect(
      geometry.keyOffset(kvHead: 2, slot: 48 + 19, element: 5, slotCount: 96, style: .simt)
        == ((((2 * 2 + 1) * 3 + 1) * 2 + 1) * 16 + 3) * 4 + 1)
    // [kvHead 2][block 1 of 2][token 19 of 48][element 5 of 24]
    #expect(
      geometry.valueOffset(kvHead: 2, slot: 48 + 19, element: 5, slotCount: 96) == ((2 * 2 + 1) * 48 + 19) * 24 + 5)
  }

  @Test("groups need the blocks that their kind can hold at once, and never more than a growing one")
  func demand() throws {
    let geometry = try KVGeometry(kvHeadCount: 1, keyDim: 8)
    func blocks(_ kind: KVKind, _ size: Int, context: Int, sequences: Int = 1, step: Int = 1) throws -> Int {
      try KVGroup(layers: [0], geometry: geometry, kind: kind, blockSize: size)
        .blockCount(contextLength: context, sequenceCount: sequences, stepTokens: step)
    }
    #expect(try blocks(.growing, 64, context: 100, sequences: 3) == 6)
    // 511 keys in sight, 255 of the oldest one's tile, and the step's.
    #expect(try blocks(.window(512, sinks: 0), 64, context: 8192, sequences: 2) == 2 * 12)
    #expect(try blocks(.window(512, sinks: 0), 64, context: 8192, step: 3) == 13)
    #expect(try blocks(.window(512, sinks: 0), 64, context: 600) == 10)
    #expect(try blocks(.window(512, sinks: 4), 64, context: 8192) == 12 + 4)
    #expect(try blocks(.fixed(capacity: 1500), 64, context: 448, sequences: 2) == 48)
    // A step of 100 tokens of up to 3 sequences: 98 + 1 + 1.
    #expect(try blocks(.transient, 16, context: 512, sequences: 3, step: 100) == 9)
    #expect(try blocks(.transient, 16, context: 512, sequences: 200, step: 100) == 100)
    for (context, sequences, step) in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (Int.max, 1, 1), (Int.max, Int.max, 1)] {
      #expect(throws: MemoryError.self) { try blocks(.growing, 64, context: context, sequences: sequences, step: step) }
    }
    #expect(throws: MemoryError.self) {
      try blocks(.window(Int(Int32.max), sinks: Int(Int32.max)), 64, context: Int(Int32.max), step: Int.max)
    }
  }

  @Test("a sequence of any steps never needs more blocks than were planned", arguments: [16, 48, 64, 512])
  func demandHolds(blockSize: Int) throws {
    var generator = TestGenerator(state: UInt64(blockSize))
    for (window, sinks) in [(1, 0), (37, 0), (256, 0), (300, 5), (511, 300)] {
      let kind = KVKind.window(window, sinks: sinks)
      var bench = try TableBench([(kind, blockSize, 4096)])
      let planned = try bench.layout.groups[0].blockCount(contextLength: 6000, sequenceCount: 1, stepTokens: 90)
      var sequence = SequenceTables(bench.layout)
      var most = 0
      while sequence.tokenCount < 5900 {
        let count = Int.random(in: 1...90, using: &generator)
        _ = try sequence.reserve(count, in: &bench.pools)
        most = max(most, bench.pools[0].usedCount)
        try sequence.commit(Int.random(in: 1...count, using: &generator), in: &bench.pools)
      }
      #expect(most <= planned, "window \(window), sinks \(sinks)")
    }
  }

  @Test("absurd shapes are refused without a trap")
  func refusals() throws {
    for (heads, key, value, keys, values, shared) in [
      (0, 8, 8, KVEncoding.f32, KVEncoding.f32, false), (-3, 8, 8, .f32, .f32, false), (1, 0, 8, .f32, .f32, false),
      (1, 8, -1, .f32, .f32, false), (1, 48, 64, .q8_0, .f32, false), (1, 64, 48, .f32, .q4_0, false),
      (1, 64, 96, .f32, .f32, true), (1, 64, 64, .f16, .f32, true), (Int.max, 8, 8, .f32, .f32, false),
      (1, Int.max, 8, .f32, .f32, false), (1 << 40, 1 << 30, 8, .f32, .f32, false),
    ] {
      #expect(throws: MemoryError.self) {
        try KVGeometry(
          kvHeadCount: heads, keyDim: key, valueDim: value, sharesValues: shared, keys: keys, values: values)
      }
    }
    let geometry = try KVGeometry(kvHeadCount: 1, keyDim: 8)
    for (layers, kind, block) in [
      ([], KVKind.growing, 64), ([-1], .growing, 64), ([1, 1], .growing, 64), ([0], .growing, 0), ([0], .growing, 24),
      ([0], .growing, -64), ([0], .growing, Int.max - 15), ([0], .window(0, sinks: 0), 64),
      ([0], .window(1, sinks: -1), 64), ([0], .window(Int.max, sinks: 0), 64), ([0], .fixed(capacity: 0), 64),
    ] {
      #expect(throws: MemoryError.self) {
        try KVGroup(layers: layers, geometry: geometry, kind: kind, blockSize: block)
      }
    }
    #expect(throws: MemoryError.self) { try KVCacheLayout(groups: []) }
    let group = try KVGroup(layers: [0, 1], geometry: geometry)
    let error = try memoryError { try KVCacheLayout(groups: [group, KVGroup(layers: [1], geometry: geometry)]) }
    #expect(error.message.contains("layer 1"))
    for layers in [0, -1, Int.max] {
      #expect(throws: MemoryError.self) { try KVCacheLayout(layerCount: layers, geometry: geometry) }
    }
  }

  @Test("a layout's digest is the same in every build: blocks are kept on disk")
  func digest() throws {
    let layout = try KVCacheLayout(groups: [
      KVGroup(layers: [0, 2], geometry: KVGeometry(kvHeadCount: 1, keyDim: 4), blockSize: 16),
      KVGroup(
        layers: [1], geometry: KVGeometry(kvHeadCount: 2, keyDim: 32, valueDim: 4, keys: .q8_0, values: .f16),
        kind: .window(64, sinks: 3), blockSize: 32),
      KVGroup(layers: [3], geometry: KVGeometry(kvHeadCount: 1, keyDim: 4), kind: .fixed(capacity: 70)),
      KVGroup(layers: [4, 5], geometry: KVGeometry(kvHeadCount: 1, keyDim: 4), kind: .transient),
    ])
    #expect(
      layout.digest(model: "m", style: .vector).map { String($0, radix: 16) }.joined()
        == "8cc24b9bac76f699bff593cead6db627dd7744b6bfda23b688c59316c75c0")
  }

  @Test("another model, layout or style has another digest")
  func digests() throws {
    func layout(values: KVEncoding = .f16, layers: [Int] = [0, 1]) throws -> KVCacheLayout {
      let geometry = try KVGeometry(kvHeadCount: 2, keyDim: 8, valueDim: 4, keys: .f16, values: values)
      return try KVCacheLayout(groups: [
        KVGroup(layers: layers, geometry: geometry, kind: .window(64, sinks: 0), blockSize: 16)
      ])
    }
    let digests = try [
      layout().digest(model: "m", style: .vector), layout().digest(model: "n", style: .vector),
      layout(values: .f32).digest(model: "m", style: .vector),
      layout(layers: [0, 2]).digest(model: "m", style: .vector), layout().digest(model: "m", style: .simt),
    ]
    #expect(Set(digests).count == digests.count)
  }
}
