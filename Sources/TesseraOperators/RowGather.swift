import TesseraCL
import TesseraKernels
import TesseraMemory

/// `y[i] = x[indices[i]]`: `Kernels/rows/gather_rows.cl`.
public struct RowGather: Sendable {
  private let library: KernelLibrary

  public init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the copies.
  ///
  /// - Parameters:
  ///   - x: rows of `xStride` floats.
  ///   - indices: (rows) UInt32, each a row of `x`: the caller has checked.
  ///   - y: (rows, columns), elsewhere than `x`.
  public func enqueue(
    _ x: any DeviceMemory, indices: any DeviceMemory, into y: any DeviceMemory, rows: Int, columns: Int,
    xStride: Int? = nil, on sink: some CommandSink
  ) throws {
    guard rows > 0, columns > 0 else {
      throw OperatorError(.shape, "\(rows) rows of \(columns) floats: both must be positive")
    }
    var block = GatherArguments()
    block.columns = UInt32(columns)
    block.x_stride = UInt32(xStride ?? columns)
    block.y_stride = UInt32(columns)
    block.rows = UInt32(rows)
    try sink.dispatch(
      Dispatch(
        KernelVariant("rows/gather_rows.cl", "gather_rows"), block, views: [x.view, indices.view, y.view],
        written: [2], units: .init(rows), localSize: library.style.localSize,
        cost: .init(bytes: rows * columns * 8)), library)
  }
}
