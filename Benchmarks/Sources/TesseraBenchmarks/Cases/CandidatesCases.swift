import TesseraCL
import TesseraOperators

extension Case {
  static func candidates() -> [Case] {
    [(1, 49152, 40), (1, 128_256, 1), (1, 128_256, 40), (1, 128_256, 256), (1, 262_144, 40), (16, 128_256, 40)].map {
      rows, vocabulary, keep in
      Case(
        id: "candidates/\(keep)/\(rows)x\(vocabulary)", bytes: 4 * rows * vocabulary,
        isQuick: rows == 1 && vocabulary == 128_256
      ) { bench in
        let logits = try bench.floats(rows * vocabulary)
        let bytes = Candidates.resultBytes(rows: rows, keep: keep)
        let values = try Buffer(bench.queue.context, byteCount: bytes)
        let ids = try Buffer(bench.queue.context, byteCount: bytes)
        let candidates = Candidates(bench.library)
        return Prepared { _ in
          try candidates.enqueue(
            logits, values: values, ids: ids, rows: rows, vocabulary: vocabulary, keep: keep, on: bench.queue)
        }
      }
    }
  }
}
