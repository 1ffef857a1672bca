import COpenCL
import Synchronization

/// Commands to a device, run in the order in which they are enqueued.
///
/// `read`, `write` and `finish` block the calling thread: call them where blocking is allowed (`DeviceThread`).
package final class Queue: Sendable {
  package let context: Context
  // A retained handle; OpenCL 1.2, appendix A.2: every call on it is thread-safe.
  nonisolated(unsafe) let handle: cl_command_queue
  /// Of each `kernelSeconds` that is under way.
  let timings = Mutex<[KernelTimes]>([])

  /// Time that callers have spent here until the device was done, in `read`, `write` and `finish`.
  package var timeWaited: Duration { waited.withLock { $0 } }
  private let waited = Mutex(Duration.zero)

  /// Kernels that were enqueued so far, but those that a library enqueues on its own.
  package var launchCount: Int { launched.withLock { $0 } }
  let launched = Mutex(0)

  /// Command buffers that were enqueued so far.
  package var recordedRunCount: Int { recordedRuns.withLock { $0 } }
  let recordedRuns = Mutex(0)

  /// - Parameter profiling: keeps the device times of commands, for `Event.deviceSeconds` and `kernelSeconds`.
  package init(_ context: Context, profiling: Bool = false) throws(CLError) {
    var status: cl_int = 0
    let properties = cl_command_queue_properties(profiling ? CL_QUEUE_PROFILING_ENABLE : 0)
    guard let handle = clCreateCommandQueue(context.handle, context.device.id, properties, &status),
      status == CL_SUCCESS
    else { throw CLError(status: status, call: "clCreateCommandQueue") }
    self.context = context
    self.handle = handle
  }

  deinit {
    if isBehind { clFinish(handle) }
    clReleaseCommandQueue(handle)
  }

  /// For libraries that enqueue on their own.
  func withHandle<T>(_ body: (cl_command_queue) -> T) -> T { body(handle) }

  /// Runs a kernel once its turn comes.
  ///
  /// - Throws: `CLError` if the arguments do not fit the kernel or the range cannot be run.
  package func enqueue<each A: KernelArgument>(
    _ kernel: Kernel, over range: NDRange, _ arguments: repeat each A
  ) throws(CLError) {
    let timings = timings.withLock { $0 }
    guard !timings.isEmpty else { return try launch(kernel, range, event: nil, repeat each arguments) }
    let event = try enqueueTimed(kernel, over: range, repeat each arguments)
    for times in timings { try times.add(event) }
  }

  /// Waits for the kernels that are enqueued here while `body` runs, and tells how long each ran on the device, in their
  /// order.
  ///
  /// The queue must have been made with `profiling`. Calls may be nested or made by several threads: each tells all
  /// kernels of its own time. Work that a library enqueues on its own (`denseProduct`) is not included.
  package func kernelSeconds(_ body: () throws -> Void) throws -> [Double] {
    let times = KernelTimes()
    timings.withLock { $0.append(times) }
    defer { timings.withLock { $0.removeAll { $0 === times } } }
    try body()
    return try times.seconds()
  }

  /// As `enqueue`, with an event that tells when and how long the kernel ran.
  package func enqueueTimed<each A: KernelArgument>(
    _ kernel: Kernel, over range: NDRange, _ arguments: repeat each A
  ) throws(CLError) -> Event {
    var event: cl_event?
    try launch(kernel, range, event: &event, repeat each arguments)
    guard let event else { throw CLError(.badLaunch, "\(kernel.name) gave no event", call: "clEnqueueNDRangeKernel") }
    return Event(event)
  }

  /// Runs a kernel whose arguments are buffers and, last, a block of bytes that is a struct by value.
  ///
  /// - Throws: `CLError` if the arguments do not fit the kernel or the range cannot be run.
  package func enqueue(_ kernel: Kernel, over range: NDRange, buffers: [Buffer], block: [UInt8]) throws(CLError) {
    let timings = timings.withLock { $0 }
    let isTimed = !timings.isEmpty
    var event: cl_event?
    try checkLaunch(kernel, range)
    let status = kernel.lock.withLock { _ -> cl_int in
      let status = kernel.bind(buffers, block)
      guard status == CL_SUCCESS else { return status }
      let pointer = kernel.handle.pointer
      return isTimed ? enqueue(pointer, range, event: &event) : enqueue(pointer, range, event: nil)
    }
    try check(status, "clEnqueueNDRangeKernel", "kernel \(kernel.name) of \(buffers.count) buffers")
    launched.withLock { $0 += 1 }
    if let event {
      let event = Event(event)
      for times in timings { try times.add(event) }
    }
    try flushNowAndThen()
  }

  /// Sends what is enqueued to the device every few launches, so that it does not wait for the host's next read.
  private func flushNowAndThen() throws(CLError) {
    let isDue = sinceFlush.withLock { count in
      count = (count + 1) % Self.flushInterval
      return count == 0
    }
    if isDue { try flush() }
  }
  private let sinceFlush = Mutex(0)
  private static let flushInterval = 16

  private func checkLaunch(_ kernel: Kernel, _ range: NDRange) throws(CLError) {
    if let problem = range.problem { throw CLError(.badLaunch, "\(kernel.name): \(problem)") }
    guard kernel.handle.context == ObjectIdentifier(context) else {
      throw CLError(.badLaunch, "kernel \(kernel.name) belongs to another context than the queue")
    }
  }

  /// Enqueues a kernel whose arguments are set.
  func enqueue(_ kernel: cl_kernel, _ range: NDRange, event: UnsafeMutablePointer<cl_event?>?) -> cl_int {
    range.withSizes { clEnqueueNDRangeKernel(handle, kernel, $0, nil, $1, $2, 0, nil, event) }
  }

  private func launch<each A: KernelArgument>(
    _ kernel: Kernel, _ range: NDRange, event: UnsafeMutablePointer<cl_event?>?, _ arguments: repeat each A
  ) throws(CLError) {
    try checkLaunch(kernel, range)
    var index: UInt32 = 0
    let (isBound, status) = kernel.lock.withLock { _ -> (Bool, cl_int) in
      for argument in repeat each arguments {
        let status = argument.bind(to: kernel.handle, at: index)
        guard status == CL_SUCCESS else { return (false, status) }
        index += 1
      }
      guard Int(index) == kernel.argumentCount else { return (false, CL_INVALID_KERNEL_ARGS) }
      let status = enqueue(kernel.handle.pointer, range, event: event)
      return (true, status)
    }
    guard isBound else { throw Self.argumentError(kernel, Int(index), status, (repeat each arguments)) }
    try check(status, "clEnqueueNDRangeKernel", "kernel \(kernel.name)")
    launched.withLock { $0 += 1 }
  }

  /// Why argument `index` was not taken, or that there are too few.
  private static func argumentError<each A>(
    _ kernel: Kernel, _ index: Int, _ status: cl_int, _ arguments: (repeat each A)
  ) -> CLError {
    var types: [String] = []
    for argument in repeat each arguments { types.append("\(type(of: argument))") }
    if status == CL_OUT_OF_RESOURCES || status == CL_OUT_OF_HOST_MEMORY {
      return CLError(status: status, call: "clSetKernelArg", about: "kernel \(kernel.name)")
    }
    let problem =
      types.count == kernel.argumentCount && index < types.count
      ? "argument \(index) does not fit; given are (\(types.joined(separator: ", ")))"
      : "it takes \(kernel.argumentCount) arguments; given are \(types.count)"
    return CLError(
      .badLaunch, "clSetKernelArg failed with \(statusName(status)) (kernel \(kernel.name)): \(problem)",
      call: "clSetKernelArg")
  }

  /// Copies values to the device; blocks until they are there.
  package func write<T: BitwiseCopyable>(_ values: [T], to buffer: Buffer, byteOffset: Int = 0) throws(CLError) {
    let result = values.withUnsafeBytes { bytes in
      Result { () throws(CLError) in try write(bytes, to: buffer, byteOffset: byteOffset) }
    }
    try result.get()
  }

  /// Copies bytes to the device; blocks until they are there.
  package func write(_ bytes: UnsafeRawBufferPointer, to buffer: Buffer, byteOffset: Int = 0) throws(CLError) {
    try checkUse(buffer, byteOffset, bytes.count, "clEnqueueWriteBuffer")
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    // A blocking write is over when its own bytes are copied: what is enqueued before it may still run.
    try check(
      waiting(until: 0) {
        clEnqueueWriteBuffer(handle, buffer.handle, cl_bool(CL_TRUE), byteOffset, bytes.count, base, 0, nil, nil)
      }, "clEnqueueWriteBuffer")
  }

  /// Copies values to the device once all commands before have run, without waiting: a copy is kept until a call that waits.
  package func enqueueWrite<T: BitwiseCopyable>(_ values: [T], to buffer: Buffer, byteOffset: Int = 0) throws(CLError) {
    let copy = values.withUnsafeBytes { StagedBytes($0) }
    try checkUse(buffer, byteOffset, copy.bytes.count, "clEnqueueWriteBuffer")
    guard let base = copy.bytes.baseAddress, copy.bytes.count > 0 else { return }
    // Under the lock, so that a call that waits lets go only of what is enqueued before it.
    let status = staged.withLock { staged in
      staged.bytes.append(copy)
      return clEnqueueWriteBuffer(
        handle, buffer.handle, cl_bool(CL_FALSE), byteOffset, copy.bytes.count, base, 0, nil, nil)
    }
    try check(status, "clEnqueueWriteBuffer")
  }

  /// Whether writes were enqueued that no call has waited for.
  package var isBehind: Bool { staged.withLock { !$0.bytes.isEmpty } }
  let staged = Mutex(Staged())

  /// What the host keeps for writes that may not have run.
  struct Staged {
    fileprivate(set) var bytes: [StagedBytes] = []
    /// Of earlier writes, which have run.
    private(set) var doneCount = 0
    var count: Int { doneCount + bytes.count }

    /// Lets go of the first `count` writes there ever were.
    mutating func drop(first count: Int) {
      guard count > doneCount else { return }
      bytes.removeFirst(min(bytes.count, count - doneCount))
      doneCount = count
    }
  }

  /// The values of a buffer once all commands before have run; blocks until then.
  package func read<T: BitwiseCopyable>(
    _ buffer: Buffer, as type: T.Type, count: Int, byteOffset: Int = 0
  ) throws(CLError) -> [T] {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<T>.stride)
    guard count >= 0, !overflow else { throw CLError(.outOfBounds, "\(count) values", call: "clEnqueueReadBuffer") }
    try checkUse(buffer, byteOffset, bytes, "clEnqueueReadBuffer")
    var failure: CLError?
    let values = [T](unsafeUninitializedCapacity: count) { memory, initialized in
      do throws(CLError) {
        try read(buffer, into: UnsafeMutableRawBufferPointer(memory), byteOffset: byteOffset)
        initialized = count
      } catch { failure = error }
    }
    if let failure { throw failure }
    return values
  }

  /// Fills `memory` from a buffer once all commands before have run; blocks until then.
  package func read(
    _ buffer: Buffer, into memory: UnsafeMutableRawBufferPointer, byteOffset: Int = 0
  ) throws(CLError) {
    try checkUse(buffer, byteOffset, memory.count, "clEnqueueReadBuffer")
    guard let base = memory.baseAddress, memory.count > 0 else { return }
    try check(
      waiting {
        clEnqueueReadBuffer(handle, buffer.handle, cl_bool(CL_TRUE), byteOffset, memory.count, base, 0, nil, nil)
      }, "clEnqueueReadBuffer")
  }

  /// Copies between buffers on the device.
  package func copy(
    from source: Buffer, to target: Buffer, byteCount: Int, fromOffset: Int = 0, toOffset: Int = 0
  ) throws(CLError) {
    try checkUse(source, fromOffset, byteCount, "clEnqueueCopyBuffer")
    try checkUse(target, toOffset, byteCount, "clEnqueueCopyBuffer")
    guard byteCount > 0 else { return }
    try check(
      clEnqueueCopyBuffer(handle, source.handle, target.handle, fromOffset, toOffset, byteCount, 0, nil, nil),
      "clEnqueueCopyBuffer")
  }

  /// Fills part of a buffer with one byte.
  package func fill(_ buffer: Buffer, byte: UInt8 = 0, byteOffset: Int = 0, byteCount: Int) throws(CLError) {
    try checkUse(buffer, byteOffset, byteCount, "clEnqueueFillBuffer")
    guard byteCount > 0 else { return }
    var byte = byte
    try check(
      clEnqueueFillBuffer(handle, buffer.handle, &byte, 1, byteOffset, byteCount, 0, nil, nil), "clEnqueueFillBuffer")
  }

  /// Sends what is enqueued to the device.
  package func flush() throws(CLError) { try check(clFlush(handle), "clFlush") }

  /// Blocks until everything enqueued has run.
  package func finish() throws(CLError) { try check(waiting { clFinish(handle) }, "clFinish") }

  /// Counts the time of a call that returns when the device is done.
  ///
  /// - Parameter count: the writes that have run then, of all there ever were; nil: those up to now.
  func waiting(until count: Int? = nil, _ call: () -> cl_int) -> cl_int {
    let count = count ?? staged.withLock { $0.count }
    let start = ContinuousClock.now
    let status = call()
    let time = ContinuousClock.now - start
    waited.withLock { $0 += time }
    // After an error nobody knows what has run.
    if status == CL_SUCCESS { staged.withLock { $0.drop(first: count) } }
    return status
  }

  /// Throws unless `count` bytes at `offset` lie inside a buffer of the queue's context.
  func checkUse(_ buffer: Buffer, _ offset: Int, _ count: Int, _ call: String) throws(CLError) {
    guard buffer.context === context else {
      throw CLError(.badLaunch, "the buffer belongs to another context than the queue", call: call)
    }
    try buffer.checkRange(offset: offset, count: count, call)
  }
}

/// Bytes of the host that the device has yet to read.
final class StagedBytes: Sendable {
  // Written before anybody else sees it.
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  fileprivate init(_ source: UnsafeRawBufferPointer) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 64)
    copy.copyMemory(from: source)
    bytes = UnsafeRawBufferPointer(copy)
  }

  deinit { bytes.deallocate() }
}
