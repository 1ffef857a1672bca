import TesseraCL

/// A step whose commands are launched one by one, as on GPUs: their arguments are bound once, so that running the step anew is
/// one call of the driver a command.
package final class StepLaunches {
  private let queue: Queue
  /// What is sent to the device together.
  private let parts: [[BoundKernel]]

  /// - Parameters:
  ///   - dispatches: whose views all have memory.
  ///   - ends: of parts that are sent to the device once they are enqueued, ascending: the device begins while the host
  ///     goes on.
  package init(_ dispatches: [Dispatch], ends: [Int], _ library: KernelLibrary, queue: Queue) throws {
    self.queue = queue
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
