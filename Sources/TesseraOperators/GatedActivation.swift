import TesseraCL
import TesseraMemory

/// `y = act(gate) · up`: `Kernels/activation/gated.cl` (Shazeer 2020). Products with a gate epilogue do the same, fused.
public struct GatedActivation: Sendable {
  public enum Function: Sendable, Equatable {
    /// SwiGLU: x · sigmoid(x).
    case silu
    /// GeGLU: GELU in its tanh form.
    case gelu
  }

  private let library: KernelLibrary

  public init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the activation.
  ///
  /// - Parameters:
  ///   - x: (tokens, 2 · size): a token's gates, then its ups.
  ///   - y: (tokens, size).
  public func enqueue(_ x: Buffer, into y: Buffer, tokens: Int, size: Int, function: Function, on queue: Queue) throws {
    let kernel = try library.kernel("activation/gated.cl", "gated", [.init("GELU", function == .gelu ? 1 : 0)])
    try queue.enqueue(
      kernel,
      over: library.style == .vector
        ? .covering((size + 15) / 16, rows: tokens, groupSize: 1) : .covering(size, rows: tokens, groupSize: 64),
      x, y, UInt32(size))
  }
}
