import TesseraOperators
import TesseraReference

extension Case {
  /// 512 rows, picked at random, of each type.
  static func embeddings() -> [Case] {
    let (tokens, rows, columns) = (512, 4096, 4096)
    return WeightFormat.allCases.map { format in
      let matrixBytes = (try? WeightShape(format: format, rows: rows, columns: columns).byteCount) ?? 0
      return Case(
        id: "embedding/\(format.name)/\(tokens)x\(columns)",
        bytes: matrixBytes / rows * tokens + 4 * tokens * columns, memoryRoof: .copy, isQuick: format.name == "Q8_0"
      ) { bench in
        let weights = try bench.coldWeights(format, rows: rows, columns: columns)
        var generator = SeededGenerator(seed: 2)
        let ids = try bench.work.buffer(
          (0..<tokens).map { _ in UInt32.random(in: 0..<UInt32(rows), using: &generator) })
        let y = try bench.work.output(tokens * columns)
        let embedding = Embedding(bench.library)
        return Prepared(isCold: true) {
          try embedding.enqueue(ids, weights[$0 % weights.count], into: y, tokens: tokens, on: bench.queue)
        }
      }
    }
  }
}
