/// What the device can do at most, as the run's own probes measured it.
public struct Roofs: Codable, Sendable, Equatable {
  /// One limit: the fastest of a probe's variants, at its best.
  public struct Roof: Codable, Sendable, Equatable {
    /// Bytes or operations per second, at the lower quartile of the seconds.
    public var rate: Double
    public var seconds: Summary
    /// Which variant was fastest.
    public var variant: String
    /// By how much the rates before and after the measurements differ, as a share of the higher: the machine's noise.
    public var drift: Double?

    /// The larger of the drift and the deviation of the runs.
    public var noise: Double { max(drift ?? 0, seconds.relativeDeviation) }

    public init(rate: Double, seconds: Summary, variant: String) {
      (self.rate, self.seconds, self.variant) = (rate, seconds, variant)
    }
  }

  /// Bytes per second of a kernel that only reads.
  public var read: Roof
  /// Bytes per second, read and written, of a copy.
  public var copy: Roof
  /// Operations per second of fused multiply-adds in registers, each two operations.
  public var multiplyAdd: Roof

  public init(read: Roof, copy: Roof, multiplyAdd: Roof) {
    (self.read, self.copy, self.multiplyAdd) = (read, copy, multiplyAdd)
  }

  /// Of two measurements the higher: a roof is what is never exceeded.
  public func higher(_ other: Roofs) -> Roofs {
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
