import TesseraCL
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraWorkbench

/// The tuning of a GPU that is met for the first time: short, once, and kept as `tessera tune` keeps what it finds.
///
/// A model is never refused for it: what goes wrong is a note, and leaves the defaults.
struct QuickTune {
  /// Seconds that it takes at most, but for the kernel that is compiled or measured when they are over.
  static let seconds = 20.0

  let device: Device
  let style: KernelStyle
  /// Of the model's matrices.
  let formats: Set<WeightFormat>
  var seconds = QuickTune.seconds
  var url = TuningDatabase.url
  /// Where it measures.
  var bench: @Sendable (Device, KernelStyle) throws -> Workbench = {
    try Workbench(Context($0), style: $1, profiling: true)
  }

  /// Whether a device of the type should be tuned first, by what was kept.
  func isNeeded(on type: DeviceProfile.DeviceType) -> Bool {
    type == .gpu && !TuningDatabase(contentsOf: url).isTuned(device.profile, style: style)
  }

  /// Tunes, and keeps what was found: also where that is nothing, or where it failed, so that it is not tried at each start.
  ///
  /// - Parameter progress: told the share of the time that has passed.
  /// - Throws: `CancellationError` where the task is canceled; nothing is kept then.
  func run(progress: (Double) -> Void) throws {
    let start = ContinuousClock.now
    func share() -> Double { min(1, (ContinuousClock.now - start).seconds / seconds) }
    var database = TuningDatabase(contentsOf: url)
    var entry = TuningDatabase.Entry(device.profile, style: style)
    progress(0)
    do {
      let tuner = Tuner(
        try bench(device, style),
        from: database.tuning(for: device.profile, style: style), isCancelled: { Task.isCancelled || share() >= 1 })
      for outcome in try tuner.tune(classes, seconds: seconds, progress: { _, _ in progress(share()) }) {
        entry.choices[outcome.name] = outcome.best
      }
      try Task.checkCancellation()
    } catch let error as CancellationError {
      throw error
    } catch {
      note(error)
      entry.problem = String("\(error)".prefix(500))
    }
    database.add(entry)
    do { try database.write(to: url) } catch { note(error) }
    progress(1)
  }

  private func note(_ error: any Error) {
    Notes.logger.notice("\(device.profile.name) is not tuned, which costs speed only: \(error)")
  }

  /// A format of each class that unpacks alike.
  private var classes: [WeightFormat] {
    var seen: Set<String> = []
    return WeightFormat.allCases.filter { formats.contains($0) && seen.insert($0.tuningClass).inserted }
  }
}
