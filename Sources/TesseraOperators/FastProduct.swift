import TesseraCL
import TesseraKernels
import TesseraMemory

/// Products with activations of 8 bits: `Kernels/matmul/matmul_8.cl`.
///
/// A token's result has the same bits however many tokens run beside it, in either style, by any `IntegerDot`.
package struct FastProduct: Sendable {
  /// How the device sums.
  package let dot: IntegerDot
  private let library: KernelLibrary
  private let tiles: TilePlan.Matrix

  /// - Parameter dot: nil takes the device's best.
  /// - Returns: nil where none is faster than float32.
  package init?(_ library: KernelLibrary, tiles: TilePlan.Matrix, dot: IntegerDot? = nil) throws {
    guard let dot = try dot ?? IntegerDot.best(library) else { return nil }
    (self.library, self.tiles, self.dot) = (library, tiles, dot)
  }

  /// Whether matrices of the format are multiplied so: `SERVES_TYPE` in `Kernels/matmul/dot_8.cl`.
  package func serves(_ format: WeightFormat) -> Bool {
    switch format {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: true
    // Sums of 16 bits have no room for its products, and in pairs it is slower than float32.
    case .q8_0: dot != .x86
    default: false
    }
  }

  /// Words that describe 32 activations of a token: `PACKED_8`, at most.
  private func packedWords(_ format: WeightFormat) -> Int {
    1 + 32 / format.blockSize + (dot == .plain ? 16 : 8)
  }

  func enqueue(
    _ problem: MatrixProduct.Problem, x: any DeviceMemory, y: any DeviceMemory, on sink: some CommandSink
  ) throws {
    let shape = problem.weights.shape
    guard serves(shape.format), shape.columns.isMultiple(of: 32) else {
      throw OperatorError(
        .shape, "a fast product of \(shape.format.name) and \(shape.columns) columns: use MatrixProduct")
    }
    let style = library.style
    try sink.dispatch(
      problem.pack(
        x, "matmul/activations_8.cl", "quantize_activations", defines: [dot.define], language: dot.language,
        blocks: shape.columns / 32, blocksOfUnit: style == .vector ? Int(ROUNDED_BLOCKS) : style.localSize,
        style: style,
        bytesOfTile: shape.columns / 32 * packedWords(shape.format) * problem.tile.tokens * 4), library)
    try sink.dispatch(
      Dispatch(
        KernelVariant("matmul/matmul_8.cl", "matmul_8", problem.defines(library.style) + [dot.define], language: dot.language),
        problem.block,
        views: [
          problem.workspace.packed.view, nil, problem.weights.view, problem.epilogue.bias?.view,
          problem.epilogue.residual?.view, y.view, nil, problem.experts?.list.view,
        ], written: [5], units: problem.units(style), localSize: style == .vector ? 1 : problem.tile.groupSize,
        count: problem.experts?.list.view, cost: problem.cost), library)
  }
}
