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
    }
  }

  /// The types of the sweep over the number of tokens.
  private static let batchTypes: Set = ["F32", "F16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"]

  private static func product(_ format: WeightFormat, tokens: Int, rows: Int, columns: Int) -> Case {
    let weightBytes = (try? WeightShape(format: format, rows: rows, columns: columns).byteCount) ?? 0
    var points: [CaseMeasurement.Point] = []
    if columns == 14336, tokens == 1 { points.append(.init("vector-types", series: format.name)) }
    if columns == 4096 {
      if tokens == 512 { points.append(.init("matrix-types", series: format.name)) }
      if batchTypes.contains(format.name) { points.append(.init("batch", series: format.name, x: Double(tokens))) }
    }
    return Case(
      id: "product/\(format.name)/\(tokens)x\(rows)x\(columns)",
      bytes: weightBytes + 4 * tokens * (rows + columns), operations: 2 * tokens * rows * columns,
      isQuick: columns == 4096 && [1, 16].contains(tokens), points: points
    ) { bench in
      let weights = try bench.coldWeights(format, rows: rows, columns: columns)
      let call = try ProductCall(bench, tokens: tokens, rows: rows, columns: columns)
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

  init(_ bench: Bench, tokens: Int, rows: Int, columns: Int) throws {
    typealias Workspace = MatrixProduct.Workspace
    product = MatrixProduct(bench.library, tiles: try bench.work.plan().matrix)
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
