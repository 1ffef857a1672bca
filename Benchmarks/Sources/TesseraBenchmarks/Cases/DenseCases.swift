import BenchmarkReports
import TesseraCL

extension Case {
  /// CLBlast's float32 products, beside `product/F32`.
  static func denseProducts() -> [Case] {
    #if CLBlast
      [(1, 4096, 4096), (16, 4096, 4096), (512, 4096, 4096)].map { tokens, rows, columns in
        Case(
          id: "clblast/F32/\(tokens)x\(rows)x\(columns)", bytes: 4 * (rows * columns + tokens * (rows + columns)),
          operations: 2 * tokens * rows * columns, isQuick: tokens == 1,
          points: [.init("batch", series: "CLBlast F32", x: Double(tokens))]
        ) { bench in
          let x = try bench.floats(tokens * columns)
          let y = try bench.work.output(tokens * rows)
          let weights = try (0..<bench.coldCopies(bytes: rows * columns * 4)).map { _ in
            try bench.floats(rows * columns)
          }
          return Prepared(isCold: true, clock: .host) {
            try bench.queue.denseProduct(
              x, weights[$0 % weights.count], into: y, rows: tokens, columns: rows, inner: columns)
          }
        }
      }
    #else
      []
    #endif
  }
}
