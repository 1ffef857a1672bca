import TesseraOperators

extension Case {
  static func activations() -> [Case] {
    let functions: [(Activation.Function, String)] = [(.silu, "silu"), (.geluTanh, "gelu")]
    let gated = functions.flatMap { function, name in
      [1, 512].map { tokens in
        let size = 14336
        return Case(
          id: "gated/\(name)/\(tokens)x\(size)", bytes: 4 * 3 * tokens * size, memoryRoof: .copy,
          isQuick: tokens == 512
        ) { bench in
          let (x, y) = (try bench.floats(2 * tokens * size), try bench.work.output(tokens * size))
          let gated = Activation(bench.library)
          return Prepared { _ in
            try gated.enqueue(
              x, into: y, rows: tokens, size: size, function: function, isGated: true, on: bench.queue)
          }
        }
      }
    }
    let count = 262_144
    return gated + [
      Case(id: "soft-cap/30/\(count)", bytes: 8 * count, memoryRoof: .copy, isQuick: true) { bench in
        let x = try bench.floats(count)
        let softCap = SoftCap(bench.library)
        return Prepared { _ in try softCap.enqueue(x, cap: 30, size: count, on: bench.queue) }
      }
    ]
  }
}
