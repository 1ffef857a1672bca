import COpenCL

/// A kernel with arguments and a range that stay: a launch of it is one call of the driver.
///
/// It has a handle of its own, since arguments belong to a handle.
package final class BoundKernel: Sendable {
  package var name: String { kernel.name }
  // A retained handle, whose arguments are set before anybody else sees it; enqueueing it is thread-safe.
  nonisolated(unsafe) let handle: cl_kernel
  let range: NDRange
  let context: Context
  private let kernel: Kernel
  /// A driver need not keep what arguments point to.
  private let buffers: [Buffer]

  /// - Parameter block: the last argument, a struct by value.
  /// - Throws: `CLError` if the arguments do not fit the kernel or the range cannot be run.
  package init(_ kernel: Kernel, over range: NDRange, buffers: [Buffer], block: [UInt8]) throws(CLError) {
    if let problem = range.problem { throw CLError(.badLaunch, "\(kernel.name): \(problem)") }
    let own = try kernel.copied()
    try check(own.bind(buffers, block), "clSetKernelArg", "kernel \(kernel.name) of \(buffers.count) buffers")
    (self.kernel, self.range, self.buffers, context) = (own, range, buffers, own.context)
    handle = own.handle.pointer
  }
}

extension Kernel {
  /// Sets all arguments: buffers and, last, a block of bytes that is a struct by value. Returns OpenCL's status.
  func bind(_ buffers: [Buffer], _ block: [UInt8]) -> cl_int {
    guard buffers.count + 1 == argumentCount else { return CL_INVALID_KERNEL_ARGS }
    for (index, buffer) in buffers.enumerated() {
      let status = buffer.bind(to: handle, at: UInt32(index))
      guard status == CL_SUCCESS else { return status }
    }
    return block.withUnsafeBytes { clSetKernelArg(handle.pointer, cl_uint(buffers.count), $0.count, $0.baseAddress) }
  }
}

extension Queue {
  /// Runs kernels one after another once their turn comes; who wants them sent to the device at once flushes.
  package func enqueue(_ launches: [BoundKernel]) throws(CLError) {
    let timings = timings.withLock { $0 }
    for launch in launches {
      guard launch.context === context else {
        throw CLError(.badLaunch, "kernel \(launch.name) belongs to another context than the queue")
      }
      var event: cl_event?
      let status =
        timings.isEmpty
        ? enqueue(launch.handle, launch.range, event: nil) : enqueue(launch.handle, launch.range, event: &event)
      try check(status, "clEnqueueNDRangeKernel", "kernel \(launch.name)")
      if let event {
        let event = Event(event)
        for times in timings { try times.add(event) }
      }
    }
    launched.withLock { $0 += launches.count }
  }
}
