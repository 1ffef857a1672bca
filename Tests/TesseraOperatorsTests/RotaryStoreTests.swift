import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Rotation and the store in the cache")
  @MainActor struct RotaryStoreTests {
    /// Of |a| + |b| of a pair: cosine and sine rounded to float32, two products and a sum.
    static let tolerance = 3e-7

    struct Case {
      var heads = 9
      var kvHeads = 3
      var headDim = 64
      var rotaryDim = 64
      var pairing = RotaryTable.Pairing.neox
      var blockSize = 16
    }

    /// Blocks of each pool.
    static let blockCount = 4

    static let cases: [Case] = Grid.values(
      [
        Case(), Case(pairing: .interleaved), Case(heads: 1, kvHeads: 1, headDim: 32, rotaryDim: 20),
        Case(heads: 4, kvHeads: 1, headDim: 256, rotaryDim: 256, blockSize: 64),
        Case(heads: 4, kvHeads: 2, headDim: 96, rotaryDim: 48, pairing: .interleaved, blockSize: 64),
      ], small: [Case(heads: 2, kvHeads: 1, headDim: 32, rotaryDim: 20)])

    @Test("queries turn in place; keys and values land in their slots and nowhere else", arguments: Target.all)
    func store(target: Target) throws {
      let bench = try target.bench()
      for a in Self.cases {
        let heads = a.heads + 2 * a.kvHeads
        let positions = [5, 1000, 0, 17, 16, 131_071]
        // Blocks in any order, slots not consecutive.
        let slots = [
          3 * a.blockSize + 15, 0, 2 * a.blockSize + 7, 3 * a.blockSize, a.blockSize + 8, 4 * a.blockSize - 2,
        ]
        var generator = SeededGenerator(seed: 31)
        let qkv = generator.floats(positions.count * heads * a.headDim)
        let (turned, keys, values) = try run(a, qkv, positions, slots, element: .f32, on: bench)

        let rotary = try ReferenceRotaryEmbedding(
          pairing: a.pairing == .interleaved ? .interleaved : .neox, rotaryDim: a.rotaryDim, base: 10_000)
        let expected = try rotary.apply(qkv, positions: positions, headCount: heads, headDim: a.headDim)
        let pool = FloatPool(a, slots: Self.blockCount * a.blockSize, style: bench.library.style)
        let unwritten = Float(bitPattern: .max)
        var (expectedKeys, keyMagnitude) = ([Float](), [Float]())
        var expectedValues = [Float](repeating: unwritten, count: pool.count)
        expectedKeys = expectedValues
        keyMagnitude = expectedValues
        var (expectedTurned, turnedMagnitude) = (qkv, [Float](repeating: 0, count: qkv.count))
        for token in positions.indices {
          for head in 0..<heads {
            for i in 0..<a.headDim {
              let at = (token * heads + head) * a.headDim + i
              let pair = partner(of: i, a)
              let magnitude = abs(qkv[at]) + (pair.map { abs(qkv[at - i + $0]) } ?? 0)
              if head < a.heads {
                expectedTurned[at] = expected[at]
                turnedMagnitude[at] = magnitude
              } else if head < a.heads + a.kvHeads {
                let place = pool.key(head - a.heads, slots[token], i)
                expectedKeys[place] = expected[at]
                keyMagnitude[place] = magnitude
              } else {
                let kvHead = head - a.heads - a.kvHeads
                let place = pool.value(kvHead, slots[token], i)
                expectedValues[place] = qkv[at]
              }
            }
          }
        }
        #expect(worstError(turned, expectedTurned, relativeTo: turnedMagnitude) <= Self.tolerance, "\(a)")
        #expect(sameBits(values, expectedValues), "\(a)")
        for i in keys.indices where expectedKeys[i].bitPattern == .max {
          guard keys[i].bitPattern == .max else {
            Issue.record("\(a): key element \(i) was written")
            break
          }
        }
        let written = expectedKeys.indices.filter { expectedKeys[$0].bitPattern != .max }
        let error = worstError(
          written.map { keys[$0] }, written.map { expectedKeys[$0] }, relativeTo: written.map { keyMagnitude[$0] })
        #expect(error <= Self.tolerance, "\(a): \(error)")
      }
    }

    @Test("a half-precision cache holds the float cache's values rounded to nearest even", arguments: Target.all)
    func halves(target: Target) throws {
      let bench = try target.bench()
      for a in Self.cases.prefix(3) {
        var generator = SeededGenerator(seed: 32)
        let positions = [3, 90]
        let slots = [a.blockSize + 1, 2 * a.blockSize + 15]
        var qkv = generator.floats(2 * (a.heads + 2 * a.kvHeads) * a.headDim, magnitude: 100)
        // Values at the edges of halves: the largest, too large, subnormal, ties.
        qkv.replaceSubrange((qkv.count - 6)..., with: [65504, -65519, 3e-8, 6e-5, 2049, -2051])
        let floats = try run(a, qkv, positions, slots, element: .f32, on: bench)
        let halves = try run(a, qkv, positions, slots, element: .f16, on: bench)
        #expect(sameBits(floats.turned, halves.turned), "\(a)")
        let pool = FloatPool(a, slots: Self.blockCount * a.blockSize, style: bench.library.style)
        for (isKeys, float, half) in [(true, floats.keys, halves.keys), (false, floats.values, halves.values)] {
          // Where a key's elements lie depends on their size.
          let order = isKeys ? pool.keyPlaces(bytes: 4) : Array(float.indices)
          var expected = [UInt16](repeating: .max, count: float.count)
          for (from, to) in zip(order, isKeys ? pool.keyPlaces(bytes: 2) : order) where float[from].bitPattern != .max {
            expected[to] = ReferenceHalf.half(fromFloat: float[from])
          }
          let bits = half.flatMap { [UInt16(truncatingIfNeeded: $0.bitPattern), UInt16($0.bitPattern >> 16)] }
          #expect(sameBits(Array(bits.prefix(expected.count)), expected), "\(a)")
        }
      }
    }

    @Test("a quantized cache holds what ggml rounds the float cache's values to", arguments: Target.all)
    func quants(target: Target) throws {
      let bench = try target.bench()
      for a in Self.cases {
        for element in [KVEncoding.q8_0, .q4_0] {
          var generator = SeededGenerator(seed: 34)
          let positions = [3, 90]
          let slots = [a.blockSize + 1, 2 * a.blockSize + 15]
          var qkv = generator.floats(2 * (a.heads + 2 * a.kvHeads) * a.headDim, magnitude: 100)
          // The last value's last block: nothing to scale; the one before: two of the largest magnitude, ties of quants.
          qkv.replaceSubrange((qkv.count - 32)..., with: [Float](repeating: 0, count: 32))
          if a.headDim > 32 {
            let ties: [Float] = [-127, 127] + (2..<32).map { (i: Int) -> Float in Float(i) + 0.5 }
            qkv.replaceSubrange((qkv.count - 64)..<(qkv.count - 32), with: ties)
          }
          let floats = try run(a, qkv, positions, slots, element: .f32, on: bench)
          let quants = try run(a, qkv, positions, slots, element: element, on: bench)
          #expect(sameBits(floats.turned, quants.turned), "\(a) \(element)")
          let places = FloatPool(a, slots: Self.blockCount * a.blockSize, style: bench.library.style)
          for isKeys in [true, false] {
            let pool = isKeys ? floats.keys : floats.values
            var expected = [UInt8](repeating: 0xff, count: places.count / element.blockElements * element.blockBytes)
            for slot in slots {
              for head in 0..<a.kvHeads {
                let x = (0..<a.headDim).map { (i: Int) -> Float in
                  pool[
                    isKeys
                      ? places.key(head, slot, i)
                      : places.value(head, slot, i)]
                }
                let group = (head * Self.blockCount * a.blockSize + slot) / 16
                CachePacking(
                  element: element, size: a.headDim, isKeys: isKeys, style: bench.library.style
                ).store(
                  x, token: slot % 16, in: &expected, at: group * 16 * a.headDim / 32 * element.blockBytes)
              }
            }
            let stored = (isKeys ? quants.keys : quants.values).withUnsafeBytes { Array($0.prefix(expected.count)) }
            #expect(stored == expected, "\(a) \(element), keys: \(isKeys)")
          }
        }
      }
    }

    @Test(
      "heads of any size are stored in any two encodings, padded with zeros, from anywhere in a row",
      arguments: Target.all)
    func anyHead(target: Target) throws {
      let bench = try target.bench()
      for (headDim, valueDim, keys, values, rotaryDim) in Grid.values(
        [
          (40, 24, KVEncoding.q8_0, KVEncoding.f16, 40), (24, 24, .f32, .q4_0, 12), (100, 72, .q4_0, .f32, 64),
          (8, 8, .f16, .f16, 8), (80, 112, .q8_0, .q4_0, 0),
        ], small: [(40, 24, .q8_0, .f16, 40), (24, 20, .f32, .q4_0, 0)])
      {
        func geometry(_ keys: KVEncoding, _ values: KVEncoding) -> CacheGeometry {
          CacheGeometry(
            kvHeadCount: 2, headDim: headDim, valueDim: valueDim, blockCount: 3, blockSize: 16, keys: keys,
            values: values)
        }
        let row = RotaryStore.Row(
          stride: 4 * headDim + 2 * valueDim + 9, queries: 2 * headDim + 2 * valueDim + 5, keys: 2 * valueDim + 3,
          values: 1)
        let slots = [17, 47, 0]
        var generator = SeededGenerator(seed: 35)
        let rows = generator.floats(slots.count * row.stride, magnitude: 10)
        func run(_ cache: CacheGeometry) throws -> (x: [Float], keys: [UInt8], values: [UInt8]) {
          let x = try bench.buffer(rows)
          let pools = try [(cache.keys, cache.headDim), (cache.values, cache.valueDim)].map { encoding, size in
            try bench.output(
              3 * 2
                * CachePacking(
                  element: encoding, size: size, isKeys: true, style: bench.library.style
                ).groupBytes / 4)
          }
          let rotation =
            rotaryDim > 0
            ? try rotation(RotaryTable(rotaryDim: rotaryDim, ropeTheta: 100), at: [5, 0, 77], on: bench) : nil
          try RotaryStore(bench.library).enqueue(
            x, row: row, rotation: rotation, slots: bench.buffer(slots.map { UInt32($0) }), keys: pools[0],
            values: pools[1], tokens: slots.count, headCount: 2, rotaryDim: rotaryDim, pairing: .neox, cache: cache,
            on: bench.queue)
          let bytes = try pools.map { try bench.queue.read($0, as: UInt8.self, count: $0.byteCount) }
          return (try bench.floats(x), bytes[0], bytes[1])
        }
        let floats = try run(geometry(.f32, .f32))
        let what: Comment = "\(headDim) and \(valueDim), \(keys) and \(values), \(rotaryDim) turned"
        let encoded = try run(geometry(keys, values))
        #expect(sameBits(floats.x, encoded.x), what)
        for i in rows.indices where i % row.stride < row.queries || i % row.stride >= row.queries + 2 * headDim {
          guard floats.x[i].bitPattern == rows[i].bitPattern else {
            Issue.record("float \(i) was written: \(what)")
            break
          }
        }
        if rotaryDim == 0 { #expect(sameBits(floats.x, rows), what) }
        for isKeys in [true, false] {
          let size = isKeys ? headDim : valueDim
          let cache = geometry(keys, values)
          let packing = CachePacking(
            element: isKeys ? keys : values, size: isKeys ? cache.headDim : cache.valueDim, isKeys: isKeys,
            style: bench.library.style)
          let plain = CachePacking(
            element: .f32, size: (size + 15) / 16 * 16, isKeys: isKeys, style: bench.library.style)
          let pool = (isKeys ? floats.keys : floats.values).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
          var expected = [UInt8](repeating: 0xff, count: 6 * packing.groupBytes)
          var expectedFloats = [UInt8](repeating: 0xff, count: 6 * plain.groupBytes)
          for (token, slot) in slots.enumerated() {
            for head in 0..<2 {
              let group = head * 3 + slot / 16
              let stored = (0..<size).map { (i: Int) -> Float in
                pool[group * plain.groupBytes / 4 + plain.place(i, token: slot % 16, of: plain.size, bytes: 4)]
              }
              // What is not turned is there as it was.
              let start = token * row.stride + (isKeys ? row.keys : row.values) + head * size
              let from = isKeys ? rotaryDim : 0
              #expect(sameBits(Array(stored[from...]), Array(rows[start + from..<start + size])), what)
              packing.store(stored, token: slot % 16, in: &expected, at: group * packing.groupBytes)
              plain.store(stored, token: slot % 16, in: &expectedFloats, at: group * plain.groupBytes)
            }
          }
          #expect((isKeys ? floats.keys : floats.values) == expectedFloats, what)
          #expect((isKeys ? encoded.keys : encoded.values) == expected, what)
        }
      }
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      for a in Self.cases {
        var generator = SeededGenerator(seed: 33)
        let qkv = generator.floats(2 * (a.heads + 2 * a.kvHeads) * a.headDim)
        let results = try KernelStyle.allCases.map { style in
          let result = try run(
            a, qkv, [70, 7], [3, 2 * a.blockSize], element: .f32, on: Target(device: device, style: style).bench())
          let pool = FloatPool(a, slots: Self.blockCount * a.blockSize, style: style)
          return (turned: result.turned, keys: pool.keyPlaces(bytes: 4).map { result.keys[$0] })
        }
        #expect(sameBits(results[0].turned, results[1].turned) && sameBits(results[0].keys, results[1].keys), "\(a)")
      }
    }

    @Test("a latent is stored once, and what turns behind it, in queries too", arguments: Target.all)
    func latents(target: Target) throws {
      let bench = try target.bench()
      let (heads, headDim, rotaryAt, rotaryDim) = (2, 40, 32, 8)
      let (positions, slots) = ([5, 0, 77], [17, 47, 0])
      var generator = SeededGenerator(seed: 36)
      let (latents, queries) = (generator.floats(3 * headDim), generator.floats(3 * heads * headDim))
      let table = try RotaryTable(rotaryDim: rotaryDim, ropeTheta: 100)
      let reference = try ReferenceRotaryEmbedding(pairing: .interleaved, rotaryDim: rotaryDim, base: 100)
      func turned(_ rows: [Float], heads: Int) throws -> [Float] {
        var rows = rows
        for start in stride(from: 0, to: rows.count, by: headDim) {
          let part = start + rotaryAt..<start + rotaryAt + rotaryDim
          let position = positions[start / headDim / heads]
          rows.replaceSubrange(
            part,
            with: try reference.apply(Array(rows[part]), positions: [position], headCount: 1, headDim: rotaryDim))
        }
        return rows
      }
      for encoding in [KVEncoding.f32, .q8_0] {
        let cache = CacheGeometry(
          kvHeadCount: 1, headDim: headDim, valueDim: rotaryAt, blockCount: 3, blockSize: 16, keys: encoding,
          sharesValues: true)
        let packing = CachePacking(element: encoding, size: cache.headDim, isKeys: true, style: bench.library.style)
        let (keys, values) = (try bench.output(3 * packing.groupBytes / 4), try bench.output(16))
        let (x, q) = (try bench.buffer(latents), try bench.buffer(queries))
        let rotation = try rotation(table, at: positions, on: bench)
        let store = RotaryStore(bench.library)
        for (memory, count) in [(x, 0), (q, heads)] {
          try store.enqueue(
            memory, row: .init(stride: max(1, count) * headDim, queries: 0, keys: 0, values: 0), rotation: rotation,
            slots: bench.buffer(slots.map { UInt32($0) }), keys: keys, values: values, tokens: 3, headCount: count,
            rotaryDim: rotaryDim, rotaryAt: rotaryAt, stores: count == 0, pairing: .interleaved, cache: cache,
            on: bench.queue)
        }
        let (found, expected) = (try bench.floats(q), try turned(queries, heads: heads))
        #expect(worstError(found, expected, relativeTo: [Float](repeating: 1, count: found.count)) < 1e-6)
        for i in found.indices where i % headDim < rotaryAt { #expect(found[i].bitPattern == queries[i].bitPattern) }
        #expect(try bench.floats(values).allSatisfy { $0.bitPattern == .max })
        let pool = try bench.queue.read(keys, as: UInt8.self, count: 3 * packing.groupBytes)
        let rows = try turned(latents, heads: 1)
        for (token, slot) in slots.enumerated() {
          let row = Array(rows[token * headDim..<(token + 1) * headDim])
          guard encoding == .f32 else {
            var packed = pool
            packing.store(
              row + [Float](repeating: 0, count: cache.headDim - headDim), token: slot % 16, in: &packed,
              at: slot / 16 * packing.groupBytes)
            // A rounding of a turned element may fall to the other side.
            #expect(zip(pool, packed).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
            continue
          }
          let floats = pool.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
          let stored = row.indices.map {
            floats[slot / 16 * packing.groupBytes / 4 + packing.place($0, token: slot % 16, of: packing.size, bytes: 4)]
          }
          #expect(worstError(stored, row, relativeTo: [Float](repeating: 1, count: headDim)) < 1e-6)
          #expect(sameBits(Array(stored[..<rotaryAt]), Array(row[..<rotaryAt])))
        }
      }
    }

    @Test("more rotary dimensions than the head has, or an odd number, are refused")
    func refusals() throws {
      let bench = try #require(Target.all.first).bench()
      for rotaryDim in [66, 31] {
        let a = Case(rotaryDim: rotaryDim)
        #expect(throws: OperatorError.self) {
          try RotaryStore(bench.library).enqueue(
            bench.output(15 * 64), rotation: .init(bench.output(66), at: bench.output(1)), slots: bench.output(1),
            keys: bench.output(64),
            values: bench.output(64), tokens: 1, headCount: a.heads, rotaryDim: a.rotaryDim, pairing: a.pairing,
            cache: .init(kvHeadCount: a.kvHeads, headDim: a.headDim, blockCount: 1, blockSize: 16),
            on: bench.queue)
        }
      }
    }

    /// The other element of a rotated pair.
    private func partner(of i: Int, _ a: Case) -> Int? {
      guard i < a.rotaryDim else { return nil }
      return a.pairing == .interleaved ? i ^ 1 : (i + a.rotaryDim / 2) % a.rotaryDim
    }

    /// Of tokens at positions, whose rows lie backwards in the table, each behind one that is nobody's.
    private func rotation(_ table: RotaryTable, at positions: [Int], on bench: Bench) throws -> RotaryStore.Rotation {
      let rows = positions.reversed().flatMap { [99, $0] }
      return .init(
        try bench.buffer(table.rows(at: rows)),
        at: try bench.buffer(positions.indices.map { UInt32(rows.count - 1 - 2 * $0) }))
    }

    /// The rotated rows and both pools, all ones (a NaN) where nothing was written.
    private func run(
      _ a: Case, _ qkv: [Float], _ positions: [Int], _ slots: [Int], element: KVEncoding, on bench: Bench
    ) throws -> (turned: [Float], keys: [Float], values: [Float]) {
      let elements = Self.blockCount * a.blockSize * a.kvHeads * a.headDim
      let buffer = try bench.buffer(qkv)
      let (keys, values) = (try bench.output(elements), try bench.output(elements))
      let table = try RotaryTable(rotaryDim: a.rotaryDim, ropeTheta: 10_000)
      try RotaryStore(bench.library).enqueue(
        buffer, rotation: rotation(table, at: positions, on: bench), slots: bench.buffer(slots.map { UInt32($0) }),
        keys: keys, values: values, tokens: positions.count, headCount: a.heads, rotaryDim: a.rotaryDim,
        pairing: a.pairing,
        cache: .init(
          kvHeadCount: a.kvHeads, headDim: a.headDim, blockCount: Self.blockCount, blockSize: a.blockSize,
          keys: element),
        on: bench.queue)
      return (try bench.floats(buffer), try bench.floats(keys), try bench.floats(values))
    }
  }
}
