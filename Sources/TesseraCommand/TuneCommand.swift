import ArgumentParser
import Foundation
import Synchronization
import Tessera
import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraWorkbench

struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune", abstract: "Measure which tiles are fastest on a device, and keep them for later runs.",
    discussion: """
      Results do not depend on tiles: every choice gives the same bits. Choices are kept for the device and its driver's \
      version, in the file that is printed at the end; another run begins where the last one ended. Ctrl-C keeps what was \
      found. Nothing else should run meanwhile.
      """)

  @Option(help: "The device: its index or part of its name.")
  var device: String?

  @Option(help: "About how long to measure, in seconds.")
  var seconds = 60.0

  @Option(
    name: .customLong("type"),
    help: ArgumentHelp(
      "Tune for weights of this type; may be repeated (default: one of each class).", valueName: "type"))
  var types: [WeightFormat] = []

  @Flag(help: "Begin with the defaults instead of what earlier runs have found, and print without keeping.")
  var dryRun = false

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "No progress.")
  var quiet = false

  func validate() throws {
    guard seconds > 0, seconds <= 86_400 else {
      throw ValidationError("--seconds is \(seconds): over 0, at most a day")
    }
  }

  /// A format of each class that unpacks alike, the most usual first.
  private static let usual: [WeightFormat] = [.q4_K, .q6_K, .q4_0, .q8_0, .q5_K, .q5_0, .f16, .f32]

  func run() throws {
    let device = try Device.select(device)
    let style = try LoadOptions.requestedStyle() ?? KernelStyle(for: device.profile)
    var database = TuningDatabase(contentsOf: TuningDatabase.url)
    let note = database.note
    if let note, !json, !quiet { Terminal.diagnose("note: \(note)") }

    let isInterrupted = InterruptFlag()
    let interrupt = Interrupt { isInterrupted.set() }
    defer { interrupt.stop() }
    let bench = try Workbench(Context(device), style: style, profiling: true)
    let tuner = Tuner(
      bench, from: dryRun ? Tuning() : database.tuning(for: device.profile, style: style),
      steps: { try StepSubject($0, $1, on: $2).subject() }, isCancelled: { isInterrupted.isSet })
    let progress = TuneProgress(isShown: !quiet && !json)
    let outcomes = try tuner.tune(types.isEmpty ? Self.usual : types, seconds: seconds, progress: progress.show)
    progress.finish()

    if !dryRun, !outcomes.isEmpty {
      var entry = TuningDatabase.Entry(device.profile, style: style)
      for outcome in outcomes { entry.choices[outcome.name] = outcome.best }
      database.add(entry)
      try database.write(to: TuningDatabase.url)
    }
    let document = Document(
      device.profile, style, outcomes, keptIn: dryRun ? nil : TuningDatabase.url.path, note: note)
    if json { try Terminal.printJSON(document) } else { document.printTable() }
  }

  private struct Document: Encodable {
    let platform, device, driver, style: String
    let classes: [Row]
    let database: String?
    /// Choices of earlier runs that were left out.
    let note: String?

    /// Named as the document names them.
    struct Row: Encodable {
      let name, shape: String
      let initial, tuned: [String: Int]
      let initial_seconds, tuned_seconds, gain: Double
      let candidates: Int
      let refused: [[String: Int]]
    }

    init(
      _ profile: DeviceProfile, _ style: KernelStyle, _ outcomes: [Tuner.Outcome], keptIn database: String?,
      note: String?
    ) {
      (platform, device, driver) = (profile.platformName, profile.name, profile.driverVersion)
      self.style = style.rawValue
      (self.database, self.note) = (database, note)
      classes = outcomes.map {
        Row(
          name: $0.name, shape: $0.shape, initial: $0.initial, tuned: $0.best, initial_seconds: $0.initialSeconds,
          tuned_seconds: $0.bestSeconds, gain: $0.gain, candidates: $0.candidates, refused: $0.refused)
      }
    }

    func printTable() {
      Terminal.print("\(device) (\(platform), driver \(driver)), \(style) kernels\n")
      Terminal.print("| class | measured on | by default | tuned | gain | candidates |\n|---|---|---|---|--:|--:|")
      for row in classes {
        let gain = String(format: "%.2f×", row.gain)
        Terminal.print(
          "| \(row.name) | \(row.shape) | \(Self.text(row.initial)), \(Self.milliseconds(row.initial_seconds)) | "
            + "\(row.tuned == row.initial ? "the same" : Self.text(row.tuned)), "
            + "\(Self.milliseconds(row.tuned_seconds)) | \(gain) | \(row.candidates) |")
      }
      let refused = classes.reduce(0) { $0 + $1.refused.count }
      if refused > 0 {
        Terminal.print("\n\(refused) candidates were refused: they did not build, or gave other bits")
      }
      if let database { Terminal.print("\nkept in \(database)") }
    }

    private static func text(_ values: [String: Int]) -> String {
      values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    private static func milliseconds(_ seconds: Double) -> String { String(format: "%.2f ms", seconds * 1e3) }
  }
}

extension WeightFormat: ExpressibleByArgument {
  /// A format by its usual name, in any case.
  public init?(argument: String) {
    guard let format = Self.allCases.first(where: { $0.name == argument.uppercased() }) else { return nil }
    self = format
  }

  public static var allValueStrings: [String] { allCases.map { $0.name.lowercased() } }
}

/// The class at work: a line for each on a log, a bar on a terminal.
private final class TuneProgress {
  private let isShown: Bool
  private let bar: ProgressBar

  init(isShown: Bool) {
    self.isShown = isShown
    bar = ProgressBar("tuning", quiet: !isShown)
  }

  func show(_ name: String, _ share: Double) {
    bar.update(share)
    if isShown, !name.isEmpty, !Terminal.standardErrorIsTerminal {
      Terminal.diagnose("\(Int(min(share, 1) * 100))% \(name)")
    }
  }

  func finish() { bar.finish() }
}

/// Set once, from any thread.
private final class InterruptFlag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
