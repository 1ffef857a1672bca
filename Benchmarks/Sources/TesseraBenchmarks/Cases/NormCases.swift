import TesseraOperators

extension Case {
  static func norms() -> [Case] {
    [(1, 1, 4096, false), (512, 1, 4096, false), (512, 1, 4096, true), (512, 32, 128, false)].map {
      count, heads, columns, hasResidual in
      let elements = count * heads * columns
      return Case(
        id: "rmsnorm/\(hasResidual ? "residual" : "plain")/\(count)x\(heads)x\(columns)",
        bytes: 4 * (elements * (hasResidual ? 3 : 2) + columns), operations: 4 * elements, memoryRoof: .copy,
        isQuick: true
      ) { bench in
        let (x, y) = (try bench.floats(elements), try bench.work.output(elements))
        let weight = try bench.floats(columns)
        let residual = hasResidual ? try bench.floats(elements) : nil
        let norm = RMSNorm(bench.library)
        return Prepared { _ in
          try norm.enqueue(
            x, weight: weight, into: y, rows: .init(heads: heads, columns: columns, stride: heads * columns),
            count: count, epsilon: 1e-5, residual: residual, on: bench.queue)
        }
      }
    }
  }
}
