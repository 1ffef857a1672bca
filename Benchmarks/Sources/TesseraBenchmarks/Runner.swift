import BenchmarkReports
import Foundation

/// Measures cases one after another.
struct Runner {
  let bench: Bench
  /// Runs of each case, after those that don't count; more of short ones, fewer of long ones.
  let repetitions: Int
  /// A case that has taken this long is content with `leastRepetitions`.
  let secondsPerCase: Double

  static let leastRepetitions = 3
  /// Short cases are repeated for this long, up to `mostRepetitions`, so that a disturbance of the machine does not
  /// cover all of their runs.
  let leastSeconds: Double
  static let mostRepetitions = 200

  /// The measurements and failures so far, also when the user stops the run.
  func run(_ cases: [Case], progress: inout Progress) -> (measurements: [CaseMeasurement], failures: [Report.Failure]) {
    var measurements: [CaseMeasurement] = []
    var failures: [Report.Failure] = []
    for item in cases {
      if Interrupt.isRequested { break }
      progress.begin(item)
      do {
        if let measurement = try measure(item) { measurements.append(measurement) }
      } catch {
        failures.append(.init(id: item.id, reason: "\(error)"))
        // What is still enqueued must not disturb the next.
        try? bench.queue.finish()
      }
      progress.end(item)
    }
    return (measurements, failures)
  }

  /// nil if the user stopped the run before enough repetitions.
  private func measure(_ item: Case) throws -> CaseMeasurement? {
    let prepared = try item.prepare(bench)
    var launches = 1
    func once(_ index: Int) throws -> Double {
      switch prepared.clock {
      case .device:
        let seconds = try bench.queue.kernelSeconds { try prepared.run(index) }
        launches = seconds.count
        return seconds.reduce(0, +)
      case .host:
        let start = ContinuousClock.now
        try prepared.run(index)
        try bench.queue.finish()
        return (ContinuousClock.now - start) / .seconds(1)
      }
    }
    // The first compiles; the second has the device awake.
    if try once(0) < 0.5 { _ = try once(1) }
    let start = ContinuousClock.now
    var seconds: [Double] = []
    while seconds.count < max(repetitions, Self.mostRepetitions), !Interrupt.isRequested {
      seconds.append(try once(seconds.count + 2))
      let elapsed = (ContinuousClock.now - start) / .seconds(1)
      if seconds.count >= repetitions, elapsed >= leastSeconds { break }
      if seconds.count >= min(Self.leastRepetitions, repetitions), elapsed > secondsPerCase { break }
    }
    guard seconds.count >= min(Self.leastRepetitions, repetitions), let summary = Summary(seconds) else { return nil }
    guard summary.median > 0 else { throw BenchmarkError("the driver tells no time for it") }
    return CaseMeasurement(
      id: item.id, seconds: summary, clock: prepared.clock, launches: launches, bytes: item.bytes,
      operations: item.operations, memoryRoof: item.memoryRoof, isCold: prepared.isCold, points: item.points)
  }
}
