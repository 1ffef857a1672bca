import COpenCL
import Synchronization

/// An argument of a kernel: a buffer or a scalar.
package protocol KernelArgument {
  /// Sets argument `index` of `kernel`; returns OpenCL's status.
  func bind(to kernel: Kernel.Handle, at index: UInt32) -> Int32
}

extension Buffer: KernelArgument {
  package func bind(to kernel: Kernel.Handle, at index: UInt32) -> Int32 {
    // Not every driver looks, and then the kernel runs on memory of another device.
    guard ObjectIdentifier(context) == kernel.context else { return CL_INVALID_MEM_OBJECT }
    var memory: cl_mem? = handle
    return clSetKernelArg(kernel.pointer, index, MemoryLayout<cl_mem?>.size, &memory)
  }
}

extension KernelArgument where Self: BitwiseCopyable {
  package func bind(to kernel: Kernel.Handle, at index: UInt32) -> Int32 {
    var value = self
    return clSetKernelArg(kernel.pointer, index, MemoryLayout<Self>.size, &value)
  }
}

extension Int32: KernelArgument {}
extension UInt32: KernelArgument {}
extension UInt64: KernelArgument {}
extension Float: KernelArgument {}

/// A compiled kernel.
package final class Kernel: Sendable {
  /// OpenCL's handle, opaque outside this module.
  package struct Handle {
    let pointer: cl_kernel
    let context: ObjectIdentifier
  }

  package let name: String
  package let argumentCount: Int
  /// Work-items that a work-group of this kernel can have on the device.
  package let maxWorkGroupSize: Int
  /// Private memory of a work-item, and local memory of a work-group, as the compiler
  /// gave them; 0 where the driver does not tell.
  package let privateBytes: Int
  package let localBytes: Int
  // Arguments belong to the handle, and clSetKernelArg is the one call that is not thread-safe: binding and enqueueing
  // happen under the lock.
  nonisolated(unsafe) let handle: Handle
  let lock = Mutex<Void>(())
  private let program: Program
  var context: Context { program.context }

  init(_ program: Program, name: String) throws(CLError) {
    var status: cl_int = 0
    guard let pointer = clCreateKernel(program.handle, name, &status), status == CL_SUCCESS else {
      throw CLError(status: status, call: "clCreateKernel", about: "\(name) of \(program.name)")
    }
    let device = program.context.device.id
    func info(_ parameter: Int32) -> Int? {
      Info { clGetKernelWorkGroupInfo(pointer, device, cl_kernel_work_group_info(parameter), $0, $1, $2) }.int
    }
    handle = Handle(pointer: pointer, context: ObjectIdentifier(program.context))
    self.name = name
    self.program = program
    argumentCount = Info { clGetKernelInfo(pointer, cl_kernel_info(CL_KERNEL_NUM_ARGS), $0, $1, $2) }.int ?? 0
    maxWorkGroupSize = info(CL_KERNEL_WORK_GROUP_SIZE) ?? program.context.device.profile.maxWorkGroupSize
    privateBytes = info(CL_KERNEL_PRIVATE_MEM_SIZE) ?? 0
    localBytes = info(CL_KERNEL_LOCAL_MEM_SIZE) ?? 0
  }

  /// The same kernel with arguments of its own.
  func copied() throws(CLError) -> Kernel { try Kernel(program, name: name) }

  deinit { clReleaseKernel(handle.pointer) }
}
