import TesseraCL
import TesseraKernels
import TesseraMemory

/// `y[i] = x[indices[i]]`, cut or filled up with zeros to another width: `Kernels/rows/gather_rows.cl`.
package struct RowGather: Sendable {
  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the copies.
  ///
  /// - Parameters:
  ///   - x: rows, one every `xStride` floats: rows that are longer overlap.
  ///   - indices: (rows) UInt32, each a row of `x`: the caller has checked. nil takes the rows in order.
  ///   - y: (rows, yStride), elsewhere than `x`; zeros follow the `columns` that are copied, which may be none, unless it
  ///     `leavesRest`.
  package func enqueue(
    _ x: any DeviceMemory, indices: (any DeviceMemory)?, into y: any DeviceMemory, rows: Int, columns: Int,
    xStride: Int? = nil, yStride: Int? = nil, leavesRest: Bool = false, on sink: some CommandSink
  ) throws {
    guard rows > 0, columns >= 0, (xStride ?? columns) >= 0, (yStride ?? columns) >= max(1, columns) else {
      throw OperatorError(
        .shape,
        "\(rows) rows of \(columns) floats, one every \(xStride ?? columns), into \(yStride ?? columns): "
          + "there must be rows, and none shorter than what is copied")
    }
    var block = GatherArguments()
    block.columns = UInt32(columns)
    block.x_stride = UInt32(xStride ?? columns)
    block.y_stride = UInt32(yStride ?? columns)
    block.rows = UInt32(rows)
    block.flags = (indices == nil ? 0 : 1) | (leavesRest ? 2 : 0)
    let unitColumns = library.style.localSize * 4
    let units = (Int(block.y_stride) + unitColumns - 1) / unitColumns
    try sink.dispatch(
      Dispatch(
        KernelVariant("rows/gather_rows.cl", "gather_rows"), block, views: [x.view, indices?.view, y.view],
        written: [2], units: library.style == .vector ? .init(rows) : .init(units, rows),
        localSize: library.style.localSize,
        cost: .init(bytes: rows * (columns + (yStride ?? columns)) * 4)), library)
  }
}
