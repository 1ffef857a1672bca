import Foundation

/// A run: where it was made, what the roofs were, and what was measured.
public struct Report: Codable, Sendable {
  /// The machine, as far as it tells.
  public struct Machine: Codable, Sendable, Equatable {
    public var device: String
    public var platform: String
    public var driver: String
    /// `vector` or `simt`.
    public var style: String
    public var computeUnits: Int
    public var memoryBytes: Int
    public var cacheBytes: Int
    /// The host's, one minute's average before the run: over 0.5, something else was running.
    public var loadAverage: Double?

    public init(
      device: String, platform: String, driver: String, style: String, computeUnits: Int, memoryBytes: Int,
      cacheBytes: Int, loadAverage: Double?
    ) {
      (self.device, self.platform, self.driver, self.style) = (device, platform, driver, style)
      (self.computeUnits, self.memoryBytes, self.cacheBytes) = (computeUnits, memoryBytes, cacheBytes)
      self.loadAverage = loadAverage
    }
  }

  /// A measurement with what follows from it, as programs want to read it.
  public struct Row: Codable, Sendable {
    public var measurement: CaseMeasurement
    public var bytesPerSecond: Double
    public var operationsPerSecond: Double
    /// nil where the roofs were not measured.
    public var fractions: Fractions?

    init(_ measurement: CaseMeasurement, roofs: Roofs?) {
      self.measurement = measurement
      bytesPerSecond = measurement.byteRate
      operationsPerSecond = measurement.operationRate
      fractions = roofs.map { Fractions(measurement, of: $0) }
    }
  }

  public var machine: Machine
  public var date: Date
  public var roofs: Roofs?
  public var rows: [Row]
  /// Cases that could not be measured, and why.
  public var failures: [Failure]
  /// Cases that were to be measured; more than there are rows and failures where the run was stopped.
  public var caseCount: Int
  public var charts: [Chart]

  public struct Failure: Codable, Sendable, Equatable {
    public var id: String
    public var reason: String

    public init(id: String, reason: String) { (self.id, self.reason) = (id, reason) }
  }

  public init(
    machine: Machine, date: Date, roofs: Roofs?, measurements: [CaseMeasurement], failures: [Failure], caseCount: Int,
    charts: [Chart]
  ) {
    (self.machine, self.date, self.roofs) = (machine, date, roofs)
    (self.failures, self.caseCount, self.charts) = (failures, caseCount, charts)
    rows = measurements.map { Row($0, roofs: roofs) }
  }

  public var isComplete: Bool { rows.count + failures.count >= caseCount }

  /// The families in the order of their first row, each with its rows.
  public var families: [(name: String, rows: [Row])] {
    var names: [String] = []
    for row in rows where !names.contains(row.measurement.family) { names.append(row.measurement.family) }
    return names.map { name in (name, rows.filter { $0.measurement.family == name }) }
  }

  /// One document, keys in snake case, seconds and bytes without prefixes.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}

/// A chart of a report; measurements name it in their points.
public struct Chart: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable {
    /// A line for each series, x on a logarithmic scale.
    case lines
    /// A bar for each series: the fraction of the roof.
    case bars
  }

  public enum Quantity: String, Codable, Sendable {
    case byteRate, operationRate
  }

  public var id: String
  public var title: String
  public var kind: Kind
  public var xLabel: String
  public var quantity: Quantity

  public init(_ id: String, _ title: String, kind: Kind = .lines, xLabel: String = "", quantity: Quantity) {
    (self.id, self.title, self.kind, self.xLabel, self.quantity) = (id, title, kind, xLabel, quantity)
  }
}
