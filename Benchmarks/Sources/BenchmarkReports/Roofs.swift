/// What the device can do at most, as the run's own probes measured it.
public struct Roofs: Codable, Sendable, Equatable {
  /// One limit: the fastest of a probe's variants.
  public struct Roof: Codable, Sendable, Equatable {
    /// Bytes or operations per second: the fastest run.
    public var rate: Double
    /// The probe's seconds, before and after the measurements.
    public var seconds: Summary
    /// Which variant was fastest.
    public var variant: String

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
    func higher(_ a: Roof, _ b: Roof) -> Roof { a.rate >= b.rate ? a : b }
    return Roofs(
      read: higher(read, other.read), copy: higher(copy, other.copy),
      multiplyAdd: higher(multiplyAdd, other.multiplyAdd))
  }
}
