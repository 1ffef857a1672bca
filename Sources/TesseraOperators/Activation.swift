import TesseraCL
import TesseraKernels
import TesseraMemory

/// `y = activation(x)`, or `y = activation(gate) · up`: `Kernels/activation/activation.cl` (Shazeer 2020). Products with such an
/// epilogue do the same, fused.
package struct Activation: Sendable {
  /// An activation function; the raw value is the macro `ACTIVATION`.
  package enum Function: Int, Sendable, CaseIterable {
    /// x · sigmoid(x) (SwiGLU's).
    case silu = 0
    /// GELU in its tanh form (GeGLU's, GPT-2's).
    case geluTanh = 1
    /// GELU as it is defined (Hendrycks & Gimpel 2016).
    case geluErf = 2
    case relu = 3
    /// relu(x)² (So et al. 2021).
    case reluSquared = 4
    /// x · sigmoid(1.702 x) (CLIP's).
    case quickGelu = 5
    case sigmoid = 6
    case tanh = 7
    /// `quickGelu` of x up to 7; as a gate of ups within ±7, plus 1 (gpt-oss).
    case clampedQuickGelu = 8

    var define: KernelVariant.Define { .init("ACTIVATION", rawValue) }
  }

  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the activation.
  ///
  /// - Parameters:
  ///   - x: (rows, size), or where it is gated (rows, 2 · size): a row's gates, then its ups.
  ///   - y: (rows, size); may be `x` where it is not gated.
  package func enqueue(
    _ x: any DeviceMemory, into y: any DeviceMemory, rows: Int, size: Int, function: Function, isGated: Bool = false,
    on sink: some CommandSink
  ) throws {
    guard rows > 0, size > 0 else {
      throw OperatorError(.shape, "an activation of \(rows) rows of \(size): both must be positive")
    }
    var block = ElementwiseArguments()
    block.size = UInt32(size)
    block.x_stride = UInt32(isGated ? 2 * size : size)
    block.y_stride = UInt32(size)
    try sink.dispatch(
      .elementwise(
        KernelVariant(
          "activation/activation.cl", "activation", [function.define, .init("GATED", isGated ? 1 : 0)]),
        block, x, y, rows: rows, style: library.style), library)
  }
}

extension Dispatch {
  /// Work on each element of rows: units of 1,024 columns, or of four for each item of a work-group.
  static func elementwise(
    _ variant: KernelVariant, _ block: ElementwiseArguments, _ x: any DeviceMemory, _ y: any DeviceMemory, rows: Int,
    style: KernelStyle
  ) throws(OperatorError) -> Dispatch {
    var block = block
    block.rows = UInt32(rows)
    let size = Int(block.size)
    let localSize = style.localSize
    let columns = style == .vector ? Int(ELEMENTWISE_COLUMNS) : localSize * 4
    return try Dispatch(
      variant, block, views: [x.view, y.view], written: [1],
      units: .init((size + columns - 1) / columns, rows), localSize: localSize,
      cost: .init(bytes: rows * (Int(block.x_stride) + size) * 4, operations: rows * size))
  }
}

extension KernelStyle {
  /// Work-items of a unit where a kernel does not choose: one in the vector style.
  var localSize: Int { self == .vector ? 1 : 64 }
}
