import COpenCL

/// Memory of the host that results of the device come to while the host goes on: one read after another.
///
/// It is memory that the driver has chosen, which a device can write by itself; reads to other memory wait with some drivers.
package final class HostRead {
  package let byteCount: Int
  private let queue: Queue
  private let memory: cl_mem
  private let address: UnsafeMutableRawPointer
  /// The read that is under way, the writes before it and its bytes.
  private var pending: (event: Event, writeCount: Int, byteCount: Int)?

  package init(_ queue: Queue, byteCount: Int) throws(CLError) {
    (self.queue, self.byteCount) = (queue, byteCount)
    var status: cl_int = 0
    let flags = cl_mem_flags(CL_MEM_READ_WRITE) | cl_mem_flags(CL_MEM_ALLOC_HOST_PTR)
    guard let memory = clCreateBuffer(queue.context.handle, flags, byteCount, nil, &status), status == CL_SUCCESS else {
      throw CLError(status: status, call: "clCreateBuffer", about: "\(byteCount) bytes of the host")
    }
    let access = cl_map_flags(CL_MAP_READ) | cl_map_flags(CL_MAP_WRITE)
    guard
      let address = clEnqueueMapBuffer(
        queue.handle, memory, cl_bool(CL_TRUE), access, 0, byteCount, 0, nil, nil, &status), status == CL_SUCCESS
    else {
      clReleaseMemObject(memory)
      throw CLError(status: status, call: "clEnqueueMapBuffer", about: "\(byteCount) bytes")
    }
    (self.memory, self.address) = (memory, address)
  }

  /// Enqueues the read of the first bytes of a buffer, and sends it and all before it to the device. A read that is under way is
  /// waited for.
  package func enqueue(_ buffer: Buffer, byteCount: Int) throws(CLError) {
    guard byteCount > 0, byteCount <= self.byteCount else {
      throw CLError(.outOfBounds, "\(byteCount) bytes to \(self.byteCount)", call: "clEnqueueReadBuffer")
    }
    try queue.checkUse(buffer, 0, byteCount, "clEnqueueReadBuffer")
    try wait()
    let writeCount = queue.staged.withLock { $0.count }
    var event: cl_event?
    try check(
      clEnqueueReadBuffer(queue.handle, buffer.handle, cl_bool(CL_FALSE), 0, byteCount, address, 0, nil, &event),
      "clEnqueueReadBuffer")
    guard let event else { throw CLError(.badLaunch, "a read gave no event", call: "clEnqueueReadBuffer") }
    pending = (Event(event), writeCount, byteCount)
    try queue.flush()
  }

  /// Waits for the read that is under way: its values; none where there is none.
  package func values<T: BitwiseCopyable>(as type: T.Type) throws(CLError) -> [T] {
    guard let byteCount = pending?.byteCount else { return [] }
    try wait()
    return Array(UnsafeRawBufferPointer(start: address, count: byteCount).bindMemory(to: T.self))
  }

  private func wait() throws(CLError) {
    guard let pending else { return }
    self.pending = nil
    try check(queue.waiting(until: pending.writeCount) { pending.event.waited() }, "clWaitForEvents")
  }

  deinit {
    // The device may still write.
    if let pending { _ = pending.event.waited() }
    clEnqueueUnmapMemObject(queue.handle, memory, address, 0, nil, nil)
    clFinish(queue.handle)
    clReleaseMemObject(memory)
  }
}
