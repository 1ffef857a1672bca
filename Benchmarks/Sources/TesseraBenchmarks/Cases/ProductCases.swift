import BenchmarkReports
import TesseraCL
import TesseraOperators

extension Case {
  /// Products with weights of every type, at the shapes of a model of 8 billion parameters.
  static func products() -> [Case] {
    WeightFormat.allCases.flatMap { format in
      [1, 2, 4, 8, 16, 64, 512].compactMap { tokens in
        let isSwept = batchTypes.contains(format.name)
        guard isSwept || ![2, 64].contains(tokens) else { return nil }
        return product(format, tokens: tokens, rows: 4096, columns: 4096)
      } + [1, 512].map { product(format, tokens: $0, rows: 4096, columns: 14336) }
        + (fastTypes.contains(format.name)
          ? [(1, 4096), (16, 4096), (512, 4096), (1, 14336)].map {
            product(format, .fast, tokens: $0.0, rows: 4096, columns: $0.1)
          } : [])
    }
  }

  /// The types of the sweep over the number of tokens.
  private static let batchTypes: Set = ["F32", "F16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"]

  /// The types that `Precision.fast` multiplies with activations of 8 bits; on some devices all but Q8_0.
  private static let fastTypes: Set = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]

  private static func product(
    _ format: WeightFormat, _ precision: Precision = .exact, tokens: Int, rows: Int, columns: Int
  ) -> Case {
    let series = precision == .exact ? format.name : "\(format.name) fast"
    let weightBytes = (try? WeightShape(format: format, rows: rows, columns: columns).byteCount) ?? 0
    var points: [CaseMeasurement.Point] = []
    if columns == 14336, tokens == 1 { points.append(.init("vector-types", series: series)) }
    if columns == 4096 {
      if tokens == 512 { points.append(.init("matrix-types", series: series)) }
      if precision == .exact, batchTypes.contains(format.name) {
        points.append(.init("batch", series: format.name, x: Double(tokens)))
      }
    }
    return Case(
      id: "product\(precision == .exact ? "" : "-fast")/\(format.name)/\(tokens)x\(rows)x\(columns)",
      bytes: weightBytes + 4 * tokens * (rows + columns), operations: 2 * tokens * rows * columns,
      isQuick: precision == .exact && columns == 4096 && [1, 16].contains(tokens), points: points
    ) { bench in
      let weights = try bench.coldWeights(format, rows: rows, columns: columns)
      let call = try ProductCall(bench, precision, tokens: tokens, rows: rows, columns: columns)
      return Prepared(isCold: true) { try call.enqueue(weights[$0 % weights.count], on: bench) }
    }
  }
}

/// The one place that calls the launcher.
private struct ProductCall {
  let product: MatrixProduct
  let tokens: Int
  let x, y: Buffer
  let workspace: MatrixProduct.Workspace

  init(_ bench: Bench, _ precision: Precision, tokens: Int, rows: Int, columns: Int) throws {
    typealias Workspace = MatrixProduct.Workspace
    let tiles = try bench.work.plan().matrix
    // Where nothing is faster than float32, plain C shows by how much it is slower.
    let fast =
      try precision == .fast
      ? FastProduct(bench.library, tiles: tiles) ?? FastProduct(bench.library, tiles: tiles, dot: .plain) : nil
    product = MatrixProduct(bench.library, tiles: tiles, fast: fast)
    self.tokens = tokens
    x = try bench.floats(tokens * columns)
    y = try bench.work.output(tokens * rows)
    workspace = Workspace(
      packed: try Buffer(bench.queue.context, byteCount: Workspace.packedBytes(tokens: tokens, columns: columns)),
      sums: try Buffer(bench.queue.context, byteCount: Workspace.sumBytes(tokens: tokens, columns: columns)))
  }

  func enqueue(_ weights: WeightMatrix, on bench: Bench) throws {
    try product.enqueue(x, weights, into: y, tokens: tokens, workspace: workspace, on: bench.queue)
  }
}
