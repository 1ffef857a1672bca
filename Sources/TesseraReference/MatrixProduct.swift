/// Activations times weights: y[token, row] = Σₖ x[token, k] · w[row, k] (+ bias[row]) (+ residual[token, row]).
package enum ReferenceMatrixProduct {
  /// The product, every sum in Double, rounded to Float once.
  ///
  /// - Parameters:
  ///   - x: [tokenCount, columnCount]
  ///   - weights: [rowCount, columnCount], the output-major layout of GGUF and of `torch.nn.Linear`
  ///   - bias: [rowCount]
  ///   - residual: [tokenCount, rowCount]
  /// - Returns: [tokenCount, rowCount]
  /// - Throws: ``ReferenceError`` when a length does not match its shape.
  package static func product(
    x: [Float], weights: [Float], tokenCount: Int, rowCount: Int, columnCount: Int,
    bias: [Float]? = nil, residual: [Float]? = nil
  ) throws(ReferenceError) -> [Float] {
    try check(x, weights, tokenCount, rowCount, columnCount)
    if let bias { try require(bias, count: rowCount, "bias") }
    if let residual { try require(residual, count: tokenCount * rowCount, "residual") }
    var y = [Float](repeating: 0, count: tokenCount * rowCount)
    for token in 0..<tokenCount {
      for row in 0..<rowCount {
        var sum = dotProduct(x, at: token * columnCount, weights, at: row * columnCount, count: columnCount)
        if let bias { sum += Double(bias[row]) }
        if let residual { sum += Double(residual[token * rowCount + row]) }
        y[token * rowCount + row] = Float(sum)
      }
    }
    return y
  }

  /// Σₖ |x[token, k] · w[row, k]|: what a rounding error of the product is measured against.
  ///
  /// A float32 sum of n terms is off by at most about n · 2⁻²⁴ times this, however the terms cancel (Higham, "Accuracy
  /// and Stability of Numerical Algorithms", section 3.1). Shapes and errors as for `product`.
  package static func magnitude(
    x: [Float], weights: [Float], tokenCount: Int, rowCount: Int, columnCount: Int
  ) throws(ReferenceError) -> [Float] {
    try product(
      x: x.map(abs), weights: weights.map(abs), tokenCount: tokenCount, rowCount: rowCount, columnCount: columnCount)
  }

  private static func check(
    _ x: [Float], _ weights: [Float], _ tokenCount: Int, _ rowCount: Int, _ columnCount: Int
  ) throws(ReferenceError) {
    try require(x, count: try elementCount(tokenCount, columnCount, of: "x"), "x")
    try require(weights, count: try elementCount(rowCount, columnCount, of: "weights"), "weights")
    _ = try elementCount(tokenCount, rowCount, of: "y")
  }
}

/// Σ a[aStart + i] · b[bStart + i] in Double. The caller guarantees that both ranges exist.
///
/// Pointers, because array subscripts in unoptimized test builds make large grids take minutes.
func dotProduct(_ a: [Float], at aStart: Int, _ b: [Float], at bStart: Int, count: Int) -> Double {
  a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      guard count > 0, let a = a.baseAddress, let b = b.baseAddress else { return 0 }
      let (p, q) = (a + aStart, b + bStart)
      var sum = 0.0
      var i = 0
      while i < count {
        sum += Double(p[i]) * Double(q[i])
        i += 1
      }
      return sum
    }
  }
}
