import TesseraCL

/// Findings of `tessera doctor` about a device: the error of every kernel variant, and advice about the driver.
struct DoctorReport: Encodable, Sendable {
  /// A kernel variant against the reference.
  struct Row: Encodable, Sendable {
    /// The kernel's file below `Kernels/`, without its suffix.
    var kernel: String
    /// Style, format, tile or shape.
    var variant: String
    /// Results that were compared, each over all its elements.
    var cases: Int
    /// The largest error, relative to the operator's natural magnitude (for sums Σ|x||w|); nil where a result is not a
    /// number or the kernel did not run.
    var maxError: Double?
    var tolerance: Double
    var ok: Bool
    /// Why the kernel did not run.
    var problem: String?

    enum CodingKeys: String, CodingKey {
      case kernel, variant, cases, tolerance, ok, problem
      case maxError = "max_error"
    }
  }

  var device: String
  var rows: [Row] = []
  var advice: [DoctorAdvice] = []

  /// Every kernel variant is within its tolerance.
  var isHealthy: Bool { rows.allSatisfy(\.ok) }

  /// Runs every kernel variant that the device can run; blocks until all have run.
  ///
  /// A kernel that fails to compile or to run is a row that is not ok; the others still run.
  ///
  /// - Parameter progress: called with each row as it is done.
  /// - Throws: `CLError` or `MemoryError` if the device cannot be used at all.
  static func run(on device: Device, progress: (Row) -> Void = { _ in }) throws -> DoctorReport {
    let profile = device.profile
    var report = DoctorReport(device: "\(profile.name) (\(profile.platformName))")
    let context = try Context(device)
    for check in try DoctorBench.checks(on: context) {
      let row = check.row()
      report.rows.append(row)
      progress(row)
    }
    report.advice = [DoctorAdvice.wrongResults(report.rows)].compactMap { $0 } + DoctorAdvice.all(for: profile)
    return report
  }
}

/// One row's work.
struct DoctorCheck {
  var kernel: String
  var variant: String
  var tolerance: Double
  /// The worst error of each case.
  var errors: () throws -> [Double]

  func row() -> DoctorReport.Row {
    var row = DoctorReport.Row(kernel: kernel, variant: variant, cases: 0, tolerance: tolerance, ok: false)
    do {
      let errors = try errors()
      let worst = errors.reduce(0) { $1 <= $0 ? $0 : $1 }
      row.cases = errors.count
      row.maxError = worst.isFinite ? worst : nil
      row.ok = !errors.isEmpty && worst <= tolerance
    } catch { row.problem = "\(error)" }
    return row
  }
}
