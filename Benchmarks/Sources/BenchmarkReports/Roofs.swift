/// What the device can do at most, as the run's own probes measured it.
package struct Roofs: Codable, Sendable, Equatable {
  /// One limit: the fastest of a probe's variants, at its best.
  package struct Roof: Codable, Sendable, Equatable {
    /// Bytes or operations per second, at the lower quartile of the seconds.
    package var rate: Double
    package var seconds: Summary
    /// Which variant was fastest.
    package var variant: String
    /// By how much the rates before and after the measurements differ, as a share of the higher: the machine's noise.
    package var drift: Double?

    /// The larger of the drift and the deviation of the runs.
    package var noise: Double { max(drift ?? 0, seconds.relativeDeviation) }

    package init(rate: Double, seconds: Summary, variant: String) {
      (self.rate, self.seconds, self.variant) = (rate, seconds, variant)
    }
  }

  /// Bytes per second of a kernel that only reads.
  package var read: Roof
  /// Bytes per second, read and written, of a copy.
  package var copy: Roof
  /// Operations per second of fused multiply-adds in registers, each two operations.
  package var multiplyAdd: Roof

  package init(read: Roof, copy: Roof, multiplyAdd: Roof) {
    (self.read, self.copy, self.multiplyAdd) = (read, copy, multiplyAdd)
  }

  /// Of two measurements the higher: a roof is what is never exceeded.
  package func higher(_ other: Roofs) -> Roofs {
    func higher(_ a: Roof, _ b: Roof) -> Roof {
      var roof = a.rate >= b.rate ? a : b
      if roof.rate > 0 { roof.drift = 1 - min(a.rate, b.rate) / roof.rate }
      return roof
    }
    return Roofs(
      read: higher(read, other.read), copy: higher(copy, other.copy),
      multiplyAdd: higher(multiplyAdd, other.multiplyAdd))
  }
}
