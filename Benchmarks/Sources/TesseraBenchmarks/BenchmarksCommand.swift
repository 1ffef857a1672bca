import ArgumentParser
import BenchmarkReports
import Foundation
import TesseraCL
import TesseraMemory

@main
struct BenchmarksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tessera-benchmarks",
    abstract: "Measure every kernel by the device's own clock, beside the memory's and the arithmetic's limits.",
    discussion: """
      Prints a Markdown table unless a report is asked for. A report's FILE may be - for standard output. Ctrl-C ends \
      the run with what was measured. Nothing else should use the machine meanwhile.
      """)

  @Option(name: [.short, .long], help: "Only cases whose names match this regular expression; see --list.")
  var filter: String?

  @Flag(help: "A few cases of each family, and few repetitions.")
  var quick = false

  @Option(help: "An index, or part of a device's name; by default TESSERA_DEVICE, else the first GPU, else CPU.")
  var device: String?

  @Option(help: "How kernels use the device: vector or simt; by default TESSERA_STYLE, else what suits the device.")
  var style: String?

  @Option(
    name: [.short, .long], help: "Runs of each case, more of short ones, fewer of long ones (default: 15, quick: 5).")
  var repetitions: Int?

  @Option(help: "Seconds after which a case is content with three runs (default: 3, quick: 0.5).")
  var secondsPerCase: Double?

  @Flag(inversion: .prefixedNo, help: "Measure the roofs; without them there are no fractions.")
  var roofs = true

  @Option(help: ArgumentHelp("Write the report as JSON.", valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Write the report as Markdown.", valueName: "file"))
  var markdown: String?

  @Option(help: ArgumentHelp("Write the report as one HTML page with plots.", valueName: "file"))
  var html: String?

  @Flag(help: "Print the cases' names and end.")
  var list = false

  @Flag(help: "No progress on standard error.")
  var quiet = false

  func validate() throws {
    guard (1...10_000).contains(repetitions ?? 15) else { throw ValidationError("--repetitions must be 1 to 10000") }
    guard (secondsPerCase ?? 1) >= 0 else { throw ValidationError("--seconds-per-case must be 0 or more") }
    // Better now than after the run.
    for path in [json, markdown, html].compactMap(\.self) where path != "-" {
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      guard FileManager.default.isWritableFile(atPath: folder) else {
        throw ValidationError("\(path): the folder \(folder) is not there or cannot be written")
      }
    }
  }

  func run() throws {
    let cases = try selected()
    if list {
      print(cases.map(\.id).joined(separator: "\n"))
      return
    }
    let device = try Device.select(device)
    if let reason = device.profile.reason { throw BenchmarkError("\(device.profile.name) cannot be used: \(reason)") }
    let load = loadAverage()
    let bench = try Bench(device, style: try chosenStyle())
    Interrupt.watch()
    var progress = Progress(cases, isQuiet: quiet)
    let probes = Probes(bench: bench, repetitions: quick ? 7 : 15)
    if roofs { progress.note("measuring what the device can do at most") }
    var limits = roofs ? try probes.roofs() : nil
    let runner = Runner(
      bench: bench, repetitions: repetitions ?? (quick ? 5 : 15), secondsPerCase: secondsPerCase ?? (quick ? 0.5 : 3),
      leastSeconds: quick ? 0.03 : 0.2)
    let (measurements, failures) = runner.run(cases, progress: &progress)
    // Again, since a shared machine may have been slower at first.
    if let first = limits, !Interrupt.isRequested { limits = first.higher(try probes.roofs()) }
    progress.finish()
    let report = Report(
      machine: .init(
        device: device.profile.name, platform: device.profile.platformName, driver: device.profile.driverVersion,
        style: bench.library.style.rawValue, computeUnits: device.profile.computeUnits,
        memoryBytes: device.profile.globalMemoryBytes, cacheBytes: device.profile.globalCacheBytes, loadAverage: load),
      date: Date(), roofs: limits, measurements: measurements, failures: failures, caseCount: cases.count,
      charts: Chart.all)
    try write(report)
    if Interrupt.isRequested { throw ExitCode(130) }
    if !failures.isEmpty { throw ExitCode.failure }
  }

  private func selected() throws -> [Case] {
    var cases = Case.all()
    if quick { cases = cases.filter(\.isQuick) }
    if let filter {
      guard let pattern = try? Regex(filter).ignoresCase() else {
        throw ValidationError("--filter \(filter): not a regular expression")
      }
      cases = cases.filter { $0.id.contains(pattern) }
      guard !cases.isEmpty else { throw ValidationError("--filter \(filter): no case has such a name; see --list") }
    }
    return cases
  }

  private func chosenStyle() throws -> KernelStyle? {
    let request = style ?? ProcessInfo.processInfo.environment["TESSERA_STYLE"]
    guard let request, !request.isEmpty else { return nil }
    guard let style = KernelStyle(rawValue: request) else {
      throw ValidationError("the style \(request): there are vector and simt")
    }
    return style
  }

  private func loadAverage() -> Double? {
    var loads = [0.0]
    return getloadavg(&loads, 1) == 1 ? loads[0] : nil
  }

  private func write(_ report: Report) throws {
    if json == nil, markdown == nil, html == nil { print(report.markdown(), terminator: "") }
    if let json { try write(report.json(), to: json) }
    if let markdown { try write(report.markdown(), to: markdown) }
    if let html { try write(report.html(), to: html) }
    for failure in report.failures {
      FileHandle.standardError.write(Data("\(failure.id): \(failure.reason)\n".utf8))
    }
  }

  private func write(_ text: String, to path: String) throws {
    if path == "-" {
      print(text, terminator: "")
    } else {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
  }
}
