/// Hidden states on their way to one vector.
struct Pool {
  private let pooling: Embedder.Pooling
  private let size: Int
  /// Rows in front that do not count.
  private let skipped: Int
  private var sum: [Double]
  /// Rows so far, those in front included.
  private var count = 0

  init(_ pooling: Embedder.Pooling, size: Int, skipping skipped: Int = 0) {
    (self.pooling, self.size, self.skipped) = (pooling, size, skipped)
    sum = [Double](repeating: pooling == .max ? -.infinity : 0, count: size)
  }

  /// Adds the next rows.
  mutating func add(_ rows: ArraySlice<Float>) {
    for first in stride(from: rows.startIndex, to: rows.endIndex, by: size) {
      defer { count += 1 }
      guard count >= skipped else { continue }
      func each(_ body: (inout Double, Double) -> Void) {
        for column in 0..<size { body(&sum[column], Double(rows[first + column])) }
      }
      switch pooling {
      case .mean, .meanSqrt: each { $0 += $1 }
      case .weightedMean: each { [weight = Double(count + 1)] in $0 += weight * $1 }
      case .max: each { $0 = max($0, $1) }
      case .cls where count > skipped: break
      case .cls, .last: each { $0 = $1 }
      }
    }
  }

  var vector: [Float] {
    let pooled = Double(max(1, count - skipped))
    let divisor: Double =
      switch pooling {
      case .mean: pooled
      case .meanSqrt: pooled.squareRoot()
      case .weightedMean: (skipped..<max(count, skipped + 1)).reduce(0) { $0 + Double($1 + 1) }
      case .cls, .last, .max: 1
      }
    return sum.map { Float($0 / divisor) }
  }
}
