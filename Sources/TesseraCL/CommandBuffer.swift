import COpenCL

/// Kernels that are recorded once, with the arguments that they have then, and enqueued by one call any number of times:
/// `cl_khr_command_buffer`.
package final class CommandBuffer: Sendable {
  /// What it runs; a driver need not keep what arguments point to.
  let launches: [BoundKernel]
  // Finalized before anybody else sees it; enqueueing it is thread-safe.
  nonisolated(unsafe) fileprivate let handle: OpaquePointer
  fileprivate let queue: ObjectIdentifier
  fileprivate let functions: CommandBufferFunctions

  fileprivate init(_ launches: [BoundKernel], on queue: Queue, _ functions: CommandBufferFunctions) throws(CLError) {
    var status: cl_int = 0
    var target: cl_command_queue? = queue.handle
    // A step may be enqueued anew while it runs.
    let properties = [CommandBufferSupport.flags, CommandBufferSupport.simultaneousUseFlag, 0]
    guard let handle = functions.create(1, &target, properties, &status), status == CL_SUCCESS else {
      throw CLError(status: status, call: "clCreateCommandBufferKHR")
    }
    // From here on `deinit` releases it.
    (self.launches, self.handle, self.queue, self.functions) = (launches, handle, ObjectIdentifier(queue), functions)
    for launch in launches {
      guard launch.context === queue.context else {
        throw CLError(.badLaunch, "kernel \(launch.name) belongs to another context than the queue")
      }
      try check(record(launch), "clCommandNDRangeKernelKHR", "kernel \(launch.name)")
    }
    try check(functions.finalize(handle), "clFinalizeCommandBufferKHR")
  }

  /// Those of a queue that runs its commands in order run in order too, without points to wait for.
  private func record(_ launch: BoundKernel) -> cl_int {
    launch.range.withSizes { dimensions, global, local in
      functions.record(handle, nil, nil, launch.handle, dimensions, nil, global, local, 0, nil, nil, nil)
    }
  }

  /// The driver keeps it until it has run.
  deinit { _ = functions.release(handle) }
}

extension Queue {
  /// Records kernels; nil where the device has no command buffers that Tessera can use (`DeviceProfile.commandBuffers`).
  package func record(_ launches: [BoundKernel]) throws(CLError) -> CommandBuffer? {
    guard let functions = CommandBufferFunctions(context.device) else { return nil }
    return try CommandBuffer(launches, on: self, functions)
  }

  /// Runs what was recorded for this queue once its turn comes. While kernels are timed, they are launched one by one.
  package func enqueue(_ commands: CommandBuffer) throws(CLError) {
    guard commands.queue == ObjectIdentifier(self) else {
      throw CLError(.badLaunch, "commands that were recorded for another queue", call: "clEnqueueCommandBufferKHR")
    }
    guard timings.withLock({ $0.isEmpty }) else { return try enqueue(commands.launches) }
    // PoCL 3.1 writes the event also where none is asked for.
    var event: cl_event?
    try check(commands.functions.enqueue(0, nil, commands.handle, 0, nil, &event), "clEnqueueCommandBufferKHR")
    if let event { clReleaseEvent(event) }
    launched.withLock { $0 += commands.launches.count }
    recordedRuns.withLock { $0 += 1 }
  }
}

/// The functions of `cl_khr_command_buffer`, which a loader does not export. Their types are the same in all versions that
/// `CommandBufferSupport` knows; headers differ in where they have them.
private struct CommandBufferFunctions: Sendable {
  typealias Create =
    @convention(c) (
      cl_uint, UnsafePointer<cl_command_queue?>?, UnsafePointer<UInt64>?, UnsafeMutablePointer<cl_int>?
    ) -> OpaquePointer?
  typealias Record =
    @convention(c) (
      OpaquePointer, cl_command_queue?, UnsafePointer<UInt64>?, cl_kernel, cl_uint, UnsafePointer<Int>?,
      UnsafePointer<Int>?, UnsafePointer<Int>?, cl_uint, UnsafePointer<cl_uint>?, UnsafeMutablePointer<cl_uint>?,
      UnsafeMutablePointer<OpaquePointer?>?
    ) -> cl_int
  typealias Enqueue =
    @convention(c) (
      cl_uint, UnsafeMutablePointer<cl_command_queue?>?, OpaquePointer, cl_uint, UnsafePointer<cl_event?>?,
      UnsafeMutablePointer<cl_event?>?
    ) -> cl_int
  typealias Simple = @convention(c) (OpaquePointer) -> cl_int

  let create: Create
  let record: Record
  let finalize, release: Simple
  let enqueue: Enqueue

  /// Nil where the device has none, or the driver lacks a function.
  init?(_ device: Device) {
    guard device.profile.commandBuffers else { return nil }
    func function(_ name: String) -> UnsafeMutableRawPointer? {
      clGetExtensionFunctionAddressForPlatform(device.platform, name)
    }
    guard let create = function("clCreateCommandBufferKHR"), let record = function("clCommandNDRangeKernelKHR"),
      let finalize = function("clFinalizeCommandBufferKHR"), let release = function("clReleaseCommandBufferKHR"),
      let enqueue = function("clEnqueueCommandBufferKHR")
    else { return nil }
    self.create = unsafeBitCast(create, to: Create.self)
    self.record = unsafeBitCast(record, to: Record.self)
    self.finalize = unsafeBitCast(finalize, to: Simple.self)
    self.release = unsafeBitCast(release, to: Simple.self)
    self.enqueue = unsafeBitCast(enqueue, to: Enqueue.self)
  }
}
