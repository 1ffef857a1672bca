import ArgumentParser
import Foundation
import TesseraCL

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check every kernel on a device against the reference, and advise on its driver.",
    discussion: "The exit status is 1 if a kernel is wrong. The first run on a device compiles every kernel.")

  @Option(help: "The device: its index or part of its name.")
  var device: String?

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "Only what is wrong.")
  var quiet = false

  func run() throws {
    let device = try Device.select(device)
    if !json, !quiet { Terminal.print("\(device.profile.name) (\(device.profile.platformName))") }
    let report = try DoctorReport.run(on: device) { row in
      if !json, !quiet || !row.ok { Terminal.print(line(row)) }
    }
    if json {
      try Terminal.printJSON(report.rows)
    } else if !quiet {
      for advice in report.advice { Terminal.print("\(advice.kind.rawValue): \(advice.message)") }
    }
    guard report.isHealthy else {
      let wrong = report.rows.filter { !$0.ok }.count
      throw InputError(
        message:
          "\(wrong) of \(report.rows.count) kernel variants are wrong on \(device.profile.name): update its driver, "
          + "or use another device (--device)")
    }
  }

  private func line(_ row: DoctorReport.Row) -> String {
    let error = row.maxError.map { String(format: "%.1e", $0) } ?? row.problem ?? "not a number"
    let name = "\(row.kernel) \(row.variant)".padding(toLength: 92, withPad: " ", startingAt: 0)
    return
      "\(row.ok ? "ok   " : "WRONG")  \(name)  \(error) of \(String(format: "%.1e", row.tolerance)), \(row.cases) cases"
  }
}
