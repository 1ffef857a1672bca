import COpenCL
import Foundation

/// The host's memory behind a buffer of a CPU, in huge pages where the system has them: what is read once from end to end
/// then seldom waits for the tables of pages.
///
/// Given back when the driver has done with the buffer, which may be later than the last reference to it.
struct HostMemory {
  /// The least that is worth it: some pages of 2 MiB.
  static let leastBytes = 8 << 20

  let address: UnsafeMutableRawPointer
  private let byteCount: Int

  /// nil where there is none to be had.
  init?(byteCount: Int) {
    let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { return nil }
    (address, self.byteCount) = (memory, byteCount)
    // Only advice to the system: all works without it, or without huge pages.
    _ = madvise(address, byteCount, MADV_HUGEPAGE)
  }

  /// A buffer over the memory, which goes with it; nil, and nothing stays allocated, where the driver refuses.
  func buffer(in context: Context, flags: cl_mem_flags) -> cl_mem? {
    var status: cl_int = 0
    guard
      let handle = clCreateBuffer(
        context.handle, flags | cl_mem_flags(CL_MEM_USE_HOST_PTR), byteCount, address, &status),
      status == CL_SUCCESS
    else {
      munmap(address, byteCount)
      return nil
    }
    let memory = UnsafeMutablePointer<HostMemory>.allocate(capacity: 1)
    memory.initialize(to: self)
    let isKept = clSetMemObjectDestructorCallback(
      handle,
      { _, data in
        guard let memory = data?.assumingMemoryBound(to: HostMemory.self) else { return }
        munmap(memory.pointee.address, memory.pointee.byteCount)
        memory.deallocate()
      }, memory)
    guard isKept == CL_SUCCESS else {
      // Nothing was enqueued yet, so the buffer goes at once.
      clReleaseMemObject(handle)
      munmap(address, byteCount)
      memory.deallocate()
      return nil
    }
    return handle
  }
}
