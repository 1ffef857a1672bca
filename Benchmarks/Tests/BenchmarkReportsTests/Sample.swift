import BenchmarkReports
import Foundation
import Testing

/// Roofs of 100 bytes (read) and 80 bytes (copied) and 1000 operations per second.
func sampleRoofs() throws -> Roofs {
  let seconds = try #require(Summary([1, 1, 1]))
  return Roofs(
    read: .init(rate: 100, seconds: seconds, variant: "wide"), copy: .init(rate: 80, seconds: seconds, variant: "wide"),
    multiplyAdd: .init(rate: 1000, seconds: seconds, variant: "deep"))
}

func sample(
  id: String = "product/Q4_K/1x64x64", seconds: Double = 1, bytes: Int = 50, operations: Int = 200,
  roof: CaseMeasurement.MemoryRoof = .read, points: [CaseMeasurement.Point] = []
) throws -> CaseMeasurement {
  CaseMeasurement(
    id: id, seconds: try #require(Summary([seconds])), clock: .device, launches: 2, bytes: bytes,
    operations: operations, memoryRoof: roof, isCold: true, points: points)
}

func sampleReport(
  _ measurements: [CaseMeasurement], device: String = "Device", hasRoofs: Bool = true, failures: [Report.Failure] = [],
  caseCount: Int? = nil
) throws -> Report {
  Report(
    machine: .init(
      device: device, platform: "Platform", driver: "1.0", style: "vector", computeUnits: 2, memoryBytes: 1 << 30,
      cacheBytes: 1 << 20, loadAverage: 0.25),
    date: Date(timeIntervalSince1970: 0), roofs: hasRoofs ? try sampleRoofs() : nil, measurements: measurements,
    failures: failures, caseCount: caseCount ?? measurements.count + failures.count,
    charts: [
      Chart("lengths", "By length", xLabel: "tokens", quantity: .operationRate),
      Chart("types", "By type", kind: .bars, quantity: .byteRate),
    ])
}
