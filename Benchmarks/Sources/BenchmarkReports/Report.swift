import Foundation

/// A run: where it was made, what the roofs were, and what was measured.
package struct Report: Codable, Sendable {
  /// The machine, as far as it tells.
  package struct Machine: Codable, Sendable, Equatable {
    package var device: String
    package var platform: String
    package var driver: String
    /// `vector` or `simt`.
    package var style: String
    package var computeUnits: Int
    package var memoryBytes: Int
    package var cacheBytes: Int
    /// The host's, one minute's average before the run: over 0.5, something else was running.
    package var loadAverage: Double?

    package init(
      device: String, platform: String, driver: String, style: String, computeUnits: Int, memoryBytes: Int,
      cacheBytes: Int, loadAverage: Double?
    ) {
      (self.device, self.platform, self.driver, self.style) = (device, platform, driver, style)
      (self.computeUnits, self.memoryBytes, self.cacheBytes) = (computeUnits, memoryBytes, cacheBytes)
      self.loadAverage = loadAverage
    }
  }

  /// A measurement with what follows from it, as programs want to read it.
  package struct Row: Codable, Sendable {
    package var measurement: CaseMeasurement
    package var bytesPerSecond: Double
    package var operationsPerSecond: Double
    /// nil where the roofs were not measured.
    package var fractions: Fractions?

    init(_ measurement: CaseMeasurement, roofs: Roofs?) {
      self.measurement = measurement
      bytesPerSecond = measurement.byteRate
      operationsPerSecond = measurement.operationRate
      fractions = roofs.map { Fractions(measurement, of: $0) }
    }
  }

  package var machine: Machine
  package var date: Date
  package var roofs: Roofs?
  package var rows: [Row]
  /// Cases that could not be measured, and why.
  package var failures: [Failure]
  /// Cases that were to be measured; more than there are rows and failures where the run was stopped.
  package var caseCount: Int
  package var charts: [Chart]

  package struct Failure: Codable, Sendable, Equatable {
    package var id: String
    package var reason: String

    package init(id: String, reason: String) { (self.id, self.reason) = (id, reason) }
  }

  package init(
    machine: Machine, date: Date, roofs: Roofs?, measurements: [CaseMeasurement], failures: [Failure], caseCount: Int,
    charts: [Chart]
  ) {
    (self.machine, self.date, self.roofs) = (machine, date, roofs)
    (self.failures, self.caseCount, self.charts) = (failures, caseCount, charts)
    rows = measurements.map { Row($0, roofs: roofs) }
  }

  package var isComplete: Bool { rows.count + failures.count >= caseCount }

  /// The families in the order of their first row, each with its rows.
  package var families: [(name: String, rows: [Row])] {
    var names: [String] = []
    for row in rows where !names.contains(row.measurement.family) { names.append(row.measurement.family) }
    return names.map { name in (name, rows.filter { $0.measurement.family == name }) }
  }

  /// One document, keys in snake case, seconds and bytes without prefixes.
  package func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}

/// A chart of a report; measurements name it in their points.
package struct Chart: Codable, Sendable, Equatable {
  package enum Kind: String, Codable, Sendable {
    /// A line for each series, x on a logarithmic scale.
    case lines
    /// A bar for each series: the fraction of the roof.
    case bars
  }

  package enum Quantity: String, Codable, Sendable {
    case byteRate, operationRate
  }

  package var id: String
  package var title: String
  package var kind: Kind
  package var xLabel: String
  package var quantity: Quantity

  package init(_ id: String, _ title: String, kind: Kind = .lines, xLabel: String = "", quantity: Quantity) {
    (self.id, self.title, self.kind, self.xLabel, self.quantity) = (id, title, kind, xLabel, quantity)
  }
}
