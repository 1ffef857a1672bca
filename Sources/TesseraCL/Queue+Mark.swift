import COpenCL

/// A place in a queue: behind all that was enqueued before.
package struct QueueMark: Sendable {
  fileprivate let event: Event
  fileprivate let writeCount: Int
}

extension Queue {
  /// Marks the place that the queue has come to, and sends all before it to the device.
  package func mark() throws(CLError) -> QueueMark {
    let writeCount = staged.withLock { $0.count }
    var event: cl_event?
    try check(clEnqueueMarkerWithWaitList(handle, 0, nil, &event), "clEnqueueMarkerWithWaitList")
    guard let event else { throw CLError(.badLaunch, "a marker gave no event", call: "clEnqueueMarkerWithWaitList") }
    let mark = QueueMark(event: Event(event), writeCount: writeCount)
    try flush()
    return mark
  }

  /// Blocks until all before the mark has run.
  package func wait(for mark: QueueMark) throws(CLError) {
    try check(waiting(until: mark.writeCount) { mark.event.waited() }, "clWaitForEvents")
  }
}
