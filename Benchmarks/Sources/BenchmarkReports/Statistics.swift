/// What is told of repeated timings: the middle, and how far they spread.
package struct Summary: Codable, Sendable, Equatable {
  package let median: Double
  /// Median of the distances from the median: half of the timings lie closer. Outliers don't move it.
  package let deviation: Double
  /// A quarter of the timings are shorter: the machine at its best, without a clock's single slip.
  package let lowerQuartile: Double
  package let least: Double
  package let most: Double
  package let count: Int

  /// - Returns: nil where there is nothing to summarize, or something that is not a number.
  package init?(_ values: [Double]) {
    let sorted = values.sorted()
    guard let least = sorted.first, let most = sorted.last, values.allSatisfy(\.isFinite) else { return nil }
    let median = Self.median(sorted)
    self.median = median
    lowerQuartile = sorted[(sorted.count - 1) / 4]
    self.least = least
    self.most = most
    deviation = Self.median(sorted.map { abs($0 - median) }.sorted())
    count = sorted.count
  }

  /// The deviation as a share of the median.
  package var relativeDeviation: Double { median > 0 ? deviation / median : 0 }

  /// The middle of values in rising order, of which there is at least one.
  private static func median(_ sorted: [Double]) -> Double {
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}
