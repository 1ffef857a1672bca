/// Root-mean-square normalization: y = x / √(mean(x²) + ε) · w.
///
/// Source: Zhang, Sennrich, "Root Mean Square Layer Normalization", 2019 (arXiv 1910.07467).
package enum ReferenceRMSNorm {
  /// Normalizes each row, after adding `residual` where one is given.
  ///
  /// The sum x + residual is rounded to float32 before it is squared, because it is also the value handed on.
  ///
  /// - Parameters:
  ///   - x: [rowCount, columnCount]
  ///   - weight: [columnCount], with any offset (Gemma's 1 + w) already added, as GGUF files hold it
  ///   - residual: [rowCount, columnCount]
  /// - Returns: the normalized rows, and the sum that was normalized (x itself without a residual)
  /// - Throws: ``ReferenceError`` when a length does not match or `columnCount` is not positive.
  package static func normalize(
    x: [Float], weight: [Float], rowCount: Int, columnCount: Int, epsilon: Float, residual: [Float]? = nil
  ) throws(ReferenceError) -> (normalized: [Float], sum: [Float]) {
    guard columnCount > 0 else { throw ReferenceError(.invalidParameter, "RMSNorm needs at least one column") }
    let count = try elementCount(rowCount, columnCount, of: "x")
    try require(x, count: count, "x")
    try require(weight, count: columnCount, "weight")
    if let residual { try require(residual, count: count, "residual") }

    let sum = residual.map { residual in zip(x, residual).map { $0 + $1 } } ?? x
    var y = [Float](repeating: 0, count: count)
    for row in 0..<rowCount {
      let start = row * columnCount
      let meanSquare = dotProduct(sum, at: start, sum, at: start, count: columnCount) / Double(columnCount)
      let inverse = 1 / (meanSquare + Double(epsilon)).squareRoot()
      for column in 0..<columnCount {
        y[start + column] = Float(Double(sum[start + column]) * inverse * Double(weight[column]))
      }
    }
    return (y, sum)
  }
}
