import TesseraCL
import TesseraMemory

/// `x = cap · tanh(x / cap)`, in place: `Kernels/activation/soft_cap.cl` (Gemma 2).
public struct SoftCap: Sendable {
  private let library: KernelLibrary

  public init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the cap of `count` floats.
  public func enqueue(_ x: Buffer, cap: Float, count: Int, on target: some CommandTarget) throws {
    guard target.program == nil else { throw OperatorError(.unrecordable, "a soft cap") }
    let kernel = try library.kernel("activation/soft_cap.cl", "soft_cap")
    try target.queue.enqueue(
      kernel,
      over: library.style == .vector ? .covering((count + 15) / 16, groupSize: 1) : .covering(count, groupSize: 64),
      x, cap, UInt32(count))
  }
}
