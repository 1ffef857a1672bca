import TesseraOperators

extension Case {
  /// 32 heads over 8 of 128, stored in the cache.
  static func rotary() -> [Case] {
    let (heads, kvHeads, headDim, blockSize) = (32, 8, 128, 64)
    return [(1, false), (512, false), (512, true)].map { tokens, isHalf in
      let (queries, stored) = (tokens * heads * headDim, tokens * 2 * kvHeads * headDim)
      return Case(
        id: "rope/\(isHalf ? "F16" : "F32")/\(tokens)x\(heads)x\(kvHeads)x\(headDim)",
        bytes: 4 * (2 * queries + stored + tokens * headDim) + (isHalf ? 2 : 4) * stored,
        operations: 3 * (queries + stored / 2), memoryRoof: .copy, isQuick: tokens == 512
      ) { bench in
        let qkv = try bench.floats(queries + stored)
        let table = try RotaryTable(rotaryDim: headDim, ropeTheta: 500_000)
        let rotation = RotaryStore.Rotation(
          try bench.work.buffer(table.rows(at: 0..<tokens)),
          at: try bench.work.buffer((0..<tokens).map { UInt32($0) }))
        let slots = try bench.work.buffer((0..<tokens).map { UInt32($0) })
        let blocks = (tokens + blockSize - 1) / blockSize
        let keys = try bench.work.output(blocks * blockSize * kvHeads * headDim)
        let values = try bench.work.output(blocks * blockSize * kvHeads * headDim)
        let store = RotaryStore(bench.library)
        return Prepared { _ in
          try store.enqueue(
            qkv, rotation: rotation, slots: slots, keys: keys, values: values, tokens: tokens, headCount: heads,
            rotaryDim: headDim, pairing: .neox,
            cache: .init(
              kvHeadCount: kvHeads, headDim: headDim, blockCount: blocks, blockSize: blockSize,
              keys: isHalf ? .f16 : .f32),
            on: bench.queue)
        }
      }
    }
  }
}
