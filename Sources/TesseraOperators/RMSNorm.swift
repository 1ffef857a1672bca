import TesseraCL
import TesseraKernels
import TesseraMemory

/// Where the normalized rows lie in a wider row.
package struct NormRows: Sendable {
  /// Rows inside each of the outer rows, side by side.
  package var heads: Int
  /// Floats of a normalized row.
  package var columns: Int
  /// Floats from outer row to outer row.
  package var xStride: Int
  package var yStride: Int
  /// Whether each of the heads has weights of its own, (heads, columns).
  package var hasHeadWeights = false

  /// Rows of `columns` floats, one after another.
  package init(columns: Int) {
    (heads, self.columns, xStride, yStride) = (1, columns, columns, columns)
  }

  /// `heads` rows of `columns` floats at the start of each outer row of `stride` floats.
  package init(heads: Int, columns: Int, stride: Int, hasHeadWeights: Bool = false) {
    (self.heads, self.columns, xStride, yStride) = (heads, columns, stride, stride)
    self.hasHeadWeights = hasHeadWeights
  }

  /// - Parameter count: outer rows.
  func dispatch(
    _ function: String, _ x: any DeviceMemory, weight: any DeviceMemory, bias: (any DeviceMemory)?,
    into y: any DeviceMemory, residual: (any DeviceMemory)?, count: Int, epsilon: Float, style: KernelStyle
  ) throws(OperatorError) -> Dispatch {
    guard heads > 0, columns > 0, count > 0 else {
      throw OperatorError(.shape, "a norm of \(count) × \(heads) rows of \(columns): all must be positive")
    }
    var block = NormArguments()
    block.heads = UInt32(heads)
    block.columns = UInt32(columns)
    block.x_stride = UInt32(xStride)
    block.y_stride = UInt32(yStride)
    block.flags = (residual == nil ? 0 : 1) | (bias == nil ? 0 : 2) | (hasHeadWeights ? 4 : 0)
    block.epsilon = epsilon
    let (floats, weights) = (count * heads * columns, (hasHeadWeights ? heads : 1) * columns)
    return try Dispatch(
      KernelVariant("norm/\(function).cl", function), block,
      views: [x.view, weight.view, bias?.view, residual?.view, y.view], written: [4], units: .init(heads * count),
      localSize: style == .vector ? 1 : columns <= 256 ? 64 : 256,
      cost: .init(
        bytes: floats * (residual == nil ? 8 : 12) + weights * 4, weightBytes: weights * 4, operations: floats * 5))
  }
}

/// `y = x / √(mean(x²) + ε) · weight (+ residual)`: `Kernels/norm/rmsnorm.cl` (Zhang & Sennrich 2019).
package struct RMSNorm: Sendable {
  package typealias Rows = NormRows
  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the norm of `count` outer rows.
  ///
  /// - Parameters:
  ///   - y: may be `x`.
  ///   - residual: added after the weight, laid out as `y`; may be `y`.
  package func enqueue(
    _ x: any DeviceMemory, weight: any DeviceMemory, into y: any DeviceMemory, rows: Rows, count: Int, epsilon: Float,
    residual: (any DeviceMemory)? = nil, on sink: some CommandSink
  ) throws {
    try sink.dispatch(
      rows.dispatch(
        "rmsnorm", x, weight: weight, bias: nil, into: y, residual: residual, count: count, epsilon: epsilon,
        style: library.style), library)
  }
}
