import COpenCL

/// A command on its way through a queue.
package final class Event: Sendable {
  // A retained handle; OpenCL 1.2, appendix A.2: every call on it is thread-safe.
  nonisolated(unsafe) private let handle: cl_event

  init(_ handle: cl_event) { self.handle = handle }

  /// Blocks the thread until the command has run.
  package func wait() throws(CLError) { try check(waited(), "clWaitForEvents") }

  /// As `wait`; returns OpenCL's status.
  func waited() -> cl_int {
    var event: cl_event? = handle
    return clWaitForEvents(1, &event)
  }

  /// Seconds that the command took on the device; its queue must have been made with `profiling`.
  package var deviceSeconds: Double {
    get throws(CLError) {
      var start: cl_ulong = 0
      var end: cl_ulong = 0
      let size = MemoryLayout<cl_ulong>.size
      try check(
        clGetEventProfilingInfo(handle, cl_profiling_info(CL_PROFILING_COMMAND_START), size, &start, nil),
        "clGetEventProfilingInfo")
      try check(
        clGetEventProfilingInfo(handle, cl_profiling_info(CL_PROFILING_COMMAND_END), size, &end, nil),
        "clGetEventProfilingInfo")
      return end > start ? Double(end - start) * 1e-9 : 0
    }
  }

  deinit { clReleaseEvent(handle) }
}
