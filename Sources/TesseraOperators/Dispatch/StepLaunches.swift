import TesseraCL

/// A step whose commands are launched one by one, as on GPUs: their arguments are bound once, so that running the step anew is
/// one call of the driver a command, or, where it is recorded, one call.
package final class StepLaunches {
  private let queue: Queue
  /// What is sent to the device together.
  private let parts: [[BoundKernel]]
  private var recording: Recording
  private enum Recording {
    case never
    /// Those of a shape that does not come again, as prompts have, are not worth it.
    case afterFirstRun, atNextRun
    case done(CommandBuffer)
  }

  /// Whether running it is one call of the driver.
  package var isRecorded: Bool { if case .done = recording { true } else { false } }

  /// - Parameters:
  ///   - dispatches: whose views all have memory.
  ///   - ends: of parts that are sent to the device once they are enqueued, ascending: the device begins while the host
  ///     goes on.
  ///   - isRecorded: when it runs a second time it is recorded, where the device has command buffers.
  package init(
    _ dispatches: [Dispatch], ends: [Int], _ library: KernelLibrary, queue: Queue, isRecorded: Bool = false
  ) throws {
    self.queue = queue
    recording = isRecorded ? .afterFirstRun : .never
    try library.compile(dispatches)
    let launches = try dispatches.map { try $0.bound(library) }
    var parts: [[BoundKernel]] = []
    var start = 0
    for end in ends + [launches.count] where end > start && end <= launches.count {
      parts.append(Array(launches[start..<end]))
      start = end
    }
    self.parts = parts
  }

  /// Enqueues the step.
  package func run() throws(CLError) {
    switch recording {
    case .done(let commands):
      try queue.enqueue(commands)
      return try queue.flush()
    case .atNextRun:
      // What a driver does not record it may still launch.
      guard let commands = try? queue.record(parts.flatMap { $0 }) else { recording = .never; break }
      recording = .done(commands)
      return try run()
    case .afterFirstRun: recording = .atNextRun
    case .never: break
    }
    for part in parts {
      try queue.enqueue(part)
      try queue.flush()
    }
  }
}

extension Dispatch {
  /// The work-items of all units.
  var range: NDRange { NDRange(x: units.x * localSize, y: units.y, z: units.z, local: (localSize, 1, 1)) }

  /// The kernel, with its arguments.
  fileprivate func bound(_ library: KernelLibrary) throws -> BoundKernel {
    try BoundKernel(
      library.kernel(variant, localSize: localSize), over: range, buffers: buffers(), block: placedBlock())
  }
}
