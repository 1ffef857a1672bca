import COpenCL
import Synchronization

/// What a kernel can be given: a buffer, a scalar, or local memory.
public protocol KernelArgument {
  /// Sets argument `index` of `kernel`; returns OpenCL's status.
  func bind(to kernel: Kernel.Handle, at index: UInt32) -> Int32
}

/// Local memory of a work-group, of a size chosen at the launch.
public struct LocalMemory: KernelArgument, Sendable {
  public let byteCount: Int

  public init(byteCount: Int) { self.byteCount = byteCount }

  public func bind(to kernel: Kernel.Handle, at index: UInt32) -> Int32 {
    clSetKernelArg(kernel.pointer, index, byteCount, nil)
  }
}

extension Buffer: KernelArgument {
  public func bind(to kernel: Kernel.Handle, at index: UInt32) -> Int32 {
    var memory: cl_mem? = handle
    return clSetKernelArg(kernel.pointer, index, MemoryLayout<cl_mem?>.size, &memory)
  }
}

extension KernelArgument where Self: BitwiseCopyable {
  public func bind(to kernel: Kernel.Handle, at index: UInt32) -> Int32 {
    var value = self
    return clSetKernelArg(kernel.pointer, index, MemoryLayout<Self>.size, &value)
  }
}

extension Int32: KernelArgument {}
extension UInt32: KernelArgument {}
extension UInt64: KernelArgument {}
extension Float: KernelArgument {}

/// A compiled kernel.
public final class Kernel: Sendable {
  /// OpenCL's handle, opaque outside this module.
  public struct Handle {
    let pointer: cl_kernel
  }

  public let name: String
  public let argumentCount: Int
  // Arguments belong to the handle, and clSetKernelArg is the one call that is not thread-safe: binding and enqueueing
  // happen under the lock.
  nonisolated(unsafe) let handle: Handle
  let lock = Mutex<Void>(())
  private let program: Program

  init(_ program: Program, name: String) throws(CLError) {
    var status: cl_int = 0
    guard let pointer = clCreateKernel(program.handle, name, &status), status == CL_SUCCESS else {
      throw CLError(status: status, call: "clCreateKernel", about: "\(name) of \(program.name)")
    }
    handle = Handle(pointer: pointer)
    self.name = name
    self.program = program
    var count: cl_uint = 0
    clGetKernelInfo(pointer, cl_kernel_info(CL_KERNEL_NUM_ARGS), MemoryLayout<cl_uint>.size, &count, nil)
    argumentCount = Int(count)
  }

  deinit { clReleaseKernel(handle.pointer) }
}
