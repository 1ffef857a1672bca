import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference

/// Random activations and weights, and how to multiply them here and there.
package struct ProductProblem {
  package let format: WeightFormat
  package let columns: Int
  package let tokens: Int
  package let bytes: [UInt8]
  package let weights: [Float]
  package var x: [Float]

  package init(_ format: WeightFormat, rows: Int, columns: Int, tokens: Int) throws {
    (self.format, self.columns, self.tokens) = (format, columns, tokens)
    let type = try format.reference
    bytes = try ReferenceQuantization.randomBlocks(type: type, rows: rows, columns: columns, seed: 11)
    weights = try ReferenceQuantization.dequantize(type: type, bytes: bytes, count: rows * columns)
    var generator = SeededGenerator(seed: 12)
    x = generator.floats(tokens * columns)
  }

  /// The first `rows` rows on the device.
  package func matrix(rows: Int, on bench: Workbench) throws -> WeightMatrix {
    let rowBytes = columns / format.superBlockSize * format.fileSuperBlockBytes
    return try bench.matrix(format, bytes: Array(bytes[..<(rows * rowBytes)]), rows: rows, columns: columns)
  }

  /// The product of all tokens with the first `rows` rows, and Σ|x||w|.
  package func reference(rows: Int) throws -> (product: [Float], magnitude: [Float]) {
    let weights = Array(weights[..<(rows * columns)])
    return (
      try ReferenceMatrixProduct.product(
        x: x, weights: weights, tokenCount: tokens, rowCount: rows, columnCount: columns),
      try ReferenceMatrixProduct.magnitude(
        x: x, weights: weights, tokenCount: tokens, rowCount: rows, columnCount: columns)
    )
  }

  /// The device's product of some tokens, all by default; y is (tokens, outputs) unless `target` is given.
  package func product(
    _ weights: WeightMatrix, tokens range: Range<Int>? = nil, outputs: Int? = nil, into target: Buffer? = nil,
    yStride: Int? = nil, epilogue: MatrixProduct.Epilogue = .init(), tuning: Tuning = Tuning(),
    fast: FastProduct? = nil, on bench: Workbench
  ) throws -> [Float] {
    let range = range ?? 0..<tokens
    let x = try bench.buffer(range.isEmpty ? [0] : Array(x[range.lowerBound * columns..<range.upperBound * columns]))
    let y = try target ?? bench.output(max(1, range.count) * (outputs ?? weights.shape.rows))
    let count = max(1, range.count)
    let workspace = MatrixProduct.Workspace(
      packed: try Buffer(
        bench.queue.context, byteCount: MatrixProduct.Workspace.packedBytes(tokens: count, columns: columns)),
      sums: try Buffer(
        bench.queue.context, byteCount: MatrixProduct.Workspace.sumBytes(tokens: count, columns: columns)))
    try MatrixProduct(bench.library, tiles: bench.plan(tuning: tuning).matrix, fast: fast)
      .enqueue(
        x, weights, into: y, tokens: range.count, yStride: yStride, epilogue: epilogue, workspace: workspace,
        on: bench.queue)
    return try bench.floats(y)
  }
}
