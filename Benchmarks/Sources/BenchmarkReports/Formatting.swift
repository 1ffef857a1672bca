import Foundation

/// Numbers as people read them.
package enum Formatting {
  /// 12.3 µs.
  package static func seconds(_ value: Double) -> String {
    switch value {
    case ..<1e-3: digits(value * 1e6) + " µs"
    case ..<1: digits(value * 1e3) + " ms"
    default: digits(value) + " s"
    }
  }

  /// 34.5 GB/s; `unit` is the unit alone, such as B/s.
  package static func rate(_ value: Double, _ unit: String) -> String {
    switch value {
    case ..<1e3: "\(digits(value)) \(unit)"
    case ..<1e6: "\(digits(value / 1e3)) k\(unit)"
    case ..<1e9: "\(digits(value / 1e6)) M\(unit)"
    case ..<1e12: "\(digits(value / 1e9)) G\(unit)"
    default: "\(digits(value / 1e12)) T\(unit)"
    }
  }

  /// 200 G: a round number at an axis.
  static func tick(_ value: Double) -> String {
    let prefixes: [(Double, String)] = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")]
    guard let (factor, prefix) = prefixes.first(where: { abs(value) >= $0.0 }) else {
      return String(format: "%.4g", value)
    }
    return String(format: "%.4g", value / factor) + prefix
  }

  package static func percent(_ fraction: Double) -> String { "\(Int((fraction * 100).rounded()))%" }

  /// 3 min 20 s.
  package static func duration(_ seconds: Double) -> String {
    let whole = max(0, Int(min(seconds, 1e9).rounded()))
    if whole < 60 { return "\(whole) s" }
    return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// Three significant digits.
  package static func digits(_ value: Double) -> String {
    String(format: abs(value) >= 99.95 ? "%.0f" : abs(value) >= 9.995 ? "%.1f" : "%.2f", value)
  }
}

extension Report {
  /// One line on where the run was made.
  var place: String {
    "\(machine.device) (\(machine.platform)), driver \(machine.driver), \(machine.computeUnits) compute units, "
      + "\(machine.style) style"
  }

  /// What the reader must know of the figures.
  var notes: [String] {
    var notes = [
      "Medians ± median absolute deviation. Times are the device's own, summed over the launches; “host” marks those "
        + "from call to completion.",
      "Bytes are the least that has to be read and written once. “Cold” cases go over copies that don’t fit the last "
        + "cache; the others find what the kernel before them would have left there, and may exceed the memory’s roof.",
    ]
    if let load = machine.loadAverage {
      notes.append("The host’s load average was \(Formatting.digits(load)) at the start.")
    }
    if !isComplete { notes.append("The run was stopped after \(rows.count + failures.count) of \(caseCount) cases.") }
    return notes
  }
}
