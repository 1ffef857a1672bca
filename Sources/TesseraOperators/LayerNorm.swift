import TesseraCL

/// `y = (x − mean) / √(variance + ε) · weight (+ bias) (+ residual)`: `Kernels/norm/layernorm.cl` (Ba et al. 2016).
package struct LayerNorm: Sendable {
  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the norm of `count` outer rows.
  ///
  /// - Parameters:
  ///   - bias: (columns).
  ///   - y: may be `x`.
  ///   - residual: added last, laid out as `y`; may be `y`.
  package func enqueue(
    _ x: any DeviceMemory, weight: any DeviceMemory, bias: (any DeviceMemory)? = nil, into y: any DeviceMemory,
    rows: NormRows, count: Int, epsilon: Float, residual: (any DeviceMemory)? = nil, on sink: some CommandSink
  ) throws {
    try sink.dispatch(
      rows.dispatch(
        "layernorm", x, weight: weight, bias: bias, into: y, residual: residual, count: count, epsilon: epsilon,
        style: library.style), library)
  }
}
