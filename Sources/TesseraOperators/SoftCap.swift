import TesseraCL
import TesseraKernels
import TesseraMemory

/// `x = cap · tanh(x / cap)`, in place: `Kernels/activation/soft_cap.cl` (Gemma 2).
package struct SoftCap: Sendable {
  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the cap of (rows, size) floats.
  package func enqueue(_ x: any DeviceMemory, cap: Float, rows: Int = 1, size: Int, on sink: some CommandSink) throws {
    guard cap > 0, rows > 0, size > 0 else {
      throw OperatorError(.shape, "a soft cap of \(cap) over \(rows) × \(size): all must be positive")
    }
    var block = ElementwiseArguments()
    block.size = UInt32(size)
    block.x_stride = UInt32(size)
    block.y_stride = UInt32(size)
    block.scale = cap
    try sink.dispatch(
      .elementwise(KernelVariant("activation/soft_cap.cl", "soft_cap"), block, x, x, rows: rows, style: library.style),
      library)
  }
}
