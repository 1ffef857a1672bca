/// Layer normalization: y = (x − mean) / √(variance + ε) · weight (+ bias) (+ residual).
///
/// Source: Ba et al., "Layer Normalization", 2016 (arXiv 1607.06450).
package enum ReferenceLayerNorm {
  /// Normalizes each row, in Double.
  ///
  /// - Parameters:
  ///   - x: [rowCount, columnCount]
  ///   - weight: [columnCount]
  ///   - bias: [columnCount]
  ///   - residual: [rowCount, columnCount]
  /// - Returns: [rowCount, columnCount]
  /// - Throws: ``ReferenceError`` when a length does not match or `columnCount` is not positive.
  package static func normalize(
    x: [Float], weight: [Float], bias: [Float]? = nil, rowCount: Int, columnCount: Int, epsilon: Float,
    residual: [Float]? = nil
  ) throws(ReferenceError) -> [Float] {
    guard columnCount > 0 else { throw ReferenceError(.invalidParameter, "LayerNorm needs at least one column") }
    let count = try elementCount(rowCount, columnCount, of: "x")
    try require(x, count: count, "x")
    try require(weight, count: columnCount, "weight")
    if let bias { try require(bias, count: columnCount, "bias") }
    if let residual { try require(residual, count: count, "residual") }
    var y: [Float] = []
    y.reserveCapacity(count)
    for start in stride(from: 0, to: count, by: columnCount) {
      let row = x[start..<start + columnCount].map(Double.init)
      let mean = row.reduce(0, +) / Double(columnCount)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columnCount)
      let inverse = 1 / (variance + Double(epsilon)).squareRoot()
      for column in 0..<columnCount {
        var value = (row[column] - mean) * inverse * Double(weight[column])
        if let bias { value += Double(bias[column]) }
        if let residual { value += Double(residual[start + column]) }
        y.append(Float(value))
      }
    }
    return y
  }
}
