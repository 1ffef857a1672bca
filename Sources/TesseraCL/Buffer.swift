import COpenCL

/// Memory on a device, or a slice of such memory; given back when the last reference goes.
package final class Buffer: Sendable {
  /// The access that kernels have to the memory; the host may always read and write it.
  package enum Access: Sendable {
    case readWrite, readOnly, writeOnly

    fileprivate var flags: cl_mem_flags {
      switch self {
      case .readWrite: cl_mem_flags(CL_MEM_READ_WRITE)
      case .readOnly: cl_mem_flags(CL_MEM_READ_ONLY)
      case .writeOnly: cl_mem_flags(CL_MEM_WRITE_ONLY)
      }
    }
  }

  /// The owner of the memory.
  package enum Backing: Sendable {
    case driver
    /// On a CPU the host's, in huge pages where the system has them: for much memory that is soon used throughout. On
    /// other devices the driver's.
    case hugePages
  }

  package let byteCount: Int
  package let context: Context
  // A retained handle; OpenCL 1.2, appendix A.2: every call on it is thread-safe.
  nonisolated(unsafe) let handle: cl_mem
  /// The buffer that a slice is cut from, and where it begins.
  private let root: Buffer?
  private let rootOffset: Int

  /// Takes memory; its contents are undefined.
  ///
  /// - Throws: `CLError` if the size is not positive, more than the device allows, or not to be had.
  package init(
    _ context: Context, byteCount: Int, access: Access = .readWrite, backing: Backing = .driver
  ) throws(CLError) {
    let limit = context.device.profile.maxAllocationBytes
    guard byteCount > 0, byteCount <= limit else {
      throw CLError(
        .outOfBounds, "a buffer of \(byteCount) bytes: the device allows 1 to \(limit) bytes", call: "clCreateBuffer")
    }
    (self.byteCount, self.context, root, rootOffset) = (byteCount, context, nil, 0)
    if backing == .hugePages, context.device.profile.type == .cpu, byteCount >= HostMemory.leastBytes,
      let handle = HostMemory(byteCount: byteCount)?.buffer(in: context, flags: access.flags)
    {
      self.handle = handle
      return
    }
    var status: cl_int = 0
    guard let handle = clCreateBuffer(context.handle, access.flags, byteCount, nil, &status),
      status == CL_SUCCESS
    else { throw CLError(status: status, call: "clCreateBuffer", about: "\(byteCount) bytes") }
    self.handle = handle
  }

  private init(slicing root: Buffer, offset: Int, byteCount: Int) throws(CLError) {
    var region = cl_buffer_region(origin: offset, size: byteCount)
    var status: cl_int = 0
    guard
      // No flags: the slice has the buffer's.
      let handle = clCreateSubBuffer(
        root.handle, 0, cl_buffer_create_type(CL_BUFFER_CREATE_TYPE_REGION), &region, &status),
      status == CL_SUCCESS
    else {
      throw CLError(status: status, call: "clCreateSubBuffer", about: "\(byteCount) bytes at \(offset)")
    }
    (self.byteCount, context, self.handle, self.root, rootOffset) = (byteCount, root.context, handle, root, offset)
  }

  /// The whole buffer that this one is a part of, or is, and where it begins there, in bytes.
  package var location: (whole: Buffer, byteOffset: Int) { (root ?? self, rootOffset) }

  /// A part of this buffer, which it keeps alive.
  ///
  /// - Parameter offset: in bytes, a multiple of the device's `baseAddressAlignment` within the whole buffer.
  package func slice(offset: Int, byteCount: Int) throws(CLError) -> Buffer {
    let alignment = context.device.profile.baseAddressAlignment
    guard offset >= 0, byteCount > 0, offset <= self.byteCount, byteCount <= self.byteCount - offset,
      (rootOffset + offset).isMultiple(of: alignment)
    else {
      throw CLError(
        .outOfBounds,
        "a slice of \(byteCount) bytes at \(offset) of a buffer of \(self.byteCount): it must lie inside and begin at "
          + "a multiple of \(alignment)")
    }
    return try Buffer(slicing: root ?? self, offset: rootOffset + offset, byteCount: byteCount)
  }

  /// Throws unless `count` bytes at `offset` lie inside.
  func checkRange(offset: Int, count: Int, _ call: String) throws(CLError) {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw CLError(.outOfBounds, "\(count) bytes at \(offset) of a buffer of \(byteCount)", call: call)
    }
  }

  deinit { clReleaseMemObject(handle) }
}
