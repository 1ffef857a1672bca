import Foundation

extension Report {
  /// Tables for a page or a terminal.
  package func markdown() -> String {
    var text = "# Kernels on \(machine.device)\n\n\(place); \(date.formatted(.iso8601)).\n\n"
    if let roofs {
      text += "| roof, measured in this run | rate | noise | probe |\n|---|--:|--:|---|\n"
      for (name, roof, unit) in [
        ("read", roofs.read, "B/s"), ("copy (read and written)", roofs.copy, "B/s"),
        ("float32 multiply-add", roofs.multiplyAdd, "FLOP/s"),
      ] {
        text +=
          "| \(name) | \(Formatting.rate(roof.rate, unit)) | \(Formatting.percent(roof.noise)) | \(roof.variant) |\n"
      }
      text += "\n"
    }
    for (name, rows) in families {
      text += "## \(name)\n\n| case | time | GB/s | GFLOP/s | of bandwidth | of FMA peak | n |\n"
      text += "|---|--:|--:|--:|--:|--:|--:|\n"
      for row in rows { text += line(row) }
      text += "\n"
    }
    if !failures.isEmpty {
      text += "## Not measured\n\n"
      for failure in failures { text += "- `\(failure.id)`: \(failure.reason)\n" }
      text += "\n"
    }
    return text + notes.map { "- \($0)\n" }.joined()
  }

  private func line(_ row: Row) -> String {
    let measurement = row.measurement
    let seconds = measurement.seconds
    let marks = (measurement.isCold ? ", cold" : "") + (measurement.clock == .host ? ", host" : "")
    let cells = [
      "`\(measurement.id)`\(marks)",
      "\(Formatting.seconds(seconds.median)) ± \(Formatting.percent(seconds.relativeDeviation))",
      Formatting.digits(row.bytesPerSecond / 1e9),
      measurement.operations > 0 ? Formatting.digits(row.operationsPerSecond / 1e9) : "–",
      row.fractions.map { Formatting.percent($0.bandwidth) } ?? "–",
      measurement.operations > 0 ? row.fractions.map { Formatting.percent($0.compute) } ?? "–" : "–",
      "\(seconds.count)",
    ]
    return "| \(cells.joined(separator: " | ")) |\n"
  }
}
