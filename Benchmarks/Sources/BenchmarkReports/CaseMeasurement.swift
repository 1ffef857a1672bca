/// What one case took, and what it had to move and to compute.
package struct CaseMeasurement: Codable, Sendable, Equatable {
  /// Where the seconds come from.
  package enum Clock: String, Codable, Sendable {
    /// The driver's times of the kernels alone, summed.
    case device
    /// From the first call until the device is done: libraries that enqueue on their own.
    case host
  }

  /// Which of the memory's limits applies.
  package enum MemoryRoof: String, Codable, Sendable {
    case read, copy
  }

  /// A place in a chart.
  package struct Point: Codable, Sendable, Equatable {
    package var chart: String
    package var series: String
    package var x: Double

    package init(_ chart: String, series: String, x: Double = 0) {
      (self.chart, self.series, self.x) = (chart, series, x)
    }
  }

  /// Path-like and unique, what `--filter` searches: family/variant/shape.
  package var id: String
  package var seconds: Summary
  package var clock: Clock
  /// Kernels of one run.
  package var launches: Int
  /// The least that has to be read and written once.
  package var bytes: Int
  /// Multiplications and additions; 0 where they are not what the kernel is about.
  package var operations: Int
  package var memoryRoof: MemoryRoof
  /// Repetitions go over copies that together don't fit the last cache.
  package var isCold: Bool
  package var points: [Point]

  package init(
    id: String, seconds: Summary, clock: Clock, launches: Int, bytes: Int, operations: Int, memoryRoof: MemoryRoof,
    isCold: Bool, points: [Point] = []
  ) {
    (self.id, self.seconds, self.clock, self.launches) = (id, seconds, clock, launches)
    (self.bytes, self.operations, self.memoryRoof) = (bytes, operations, memoryRoof)
    (self.isCold, self.points) = (isCold, points)
  }

  package var family: String { String(id.prefix { $0 != "/" }) }
  /// Bytes per second at the median.
  package var byteRate: Double { seconds.median > 0 ? Double(bytes) / seconds.median : 0 }
  /// Operations per second at the median.
  package var operationRate: Double { seconds.median > 0 ? Double(operations) / seconds.median : 0 }
  /// Operations for each byte: the x of the roofline.
  package var intensity: Double { bytes > 0 ? Double(operations) / Double(bytes) : 0 }
}

/// How close a measurement comes to the limits.
package struct Fractions: Codable, Sendable, Equatable {
  /// Of the memory roof.
  package var bandwidth: Double
  /// Of the multiply-add roof.
  package var compute: Double
  /// Of whichever binds: the larger of the two.
  package var roof: Double

  package init(_ measurement: CaseMeasurement, of roofs: Roofs) {
    let memory = measurement.memoryRoof == .read ? roofs.read : roofs.copy
    bandwidth = memory.rate > 0 ? measurement.byteRate / memory.rate : 0
    compute = roofs.multiplyAdd.rate > 0 ? measurement.operationRate / roofs.multiplyAdd.rate : 0
    roof = max(bandwidth, compute)
  }
}
