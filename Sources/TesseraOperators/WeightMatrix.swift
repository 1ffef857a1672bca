import TesseraCL
import TesseraMemory

/// How a matrix of weights lies on the device: its rows in panels of two groups of 16, in the two planes of
/// `Kernels/quantization/weights.cl`.
package struct WeightShape: Sendable, Equatable {
  package let format: WeightFormat
  /// Output features.
  package let rows: Int
  /// Input features.
  package let columns: Int

  /// - Throws: `OperatorError` if the format cannot hold rows of that length.
  package init(format: WeightFormat, rows: Int, columns: Int) throws(OperatorError) {
    guard rows > 0, columns > 0, columns.isMultiple(of: format.superBlockSize) else {
      throw OperatorError(
        .shape,
        "a \(format.name) matrix of \(rows) × \(columns): both must be positive and the columns a multiple of "
          + "\(format.superBlockSize)")
    }
    let (bytes, overflow) = (rows + 31).multipliedReportingOverflow(by: columns * 4)
    guard !overflow, bytes < 1 << 48 else {
      throw OperatorError(.shape, "a \(format.name) matrix of \(rows) × \(columns) is larger than any device's memory")
    }
    self.format = format
    self.rows = rows
    self.columns = columns
  }

  /// Groups of 16 rows, in whole panels of two.
  var groupCount: Int { (rows + 31) / 32 * 2 }
  var quantBytes: Int { groupCount * (columns / format.blockSize) * format.wordCount * 64 }
  /// Where the plane of scales begins, in halves.
  var scalesOffset: Int { quantBytes / 2 }

  /// Words of a row that lie side by side in the simt style: `ASIDE` in the kernels.
  var wordsAside: Int {
    let words = columns / format.blockSize * format.wordCount
    return words.isMultiple(of: 4) ? 4 : words.isMultiple(of: 2) ? 2 : 1
  }

  /// A row's blocks; those are loaded together whose words are whole loads of `wordsAside`: `UNIT_BLOCKS` in the kernels.
  var rowBlocks: TilePlan.Matrix.RowBlocks {
    let unit = [1, 2].first { (format.wordCount * $0).isMultiple(of: wordsAside) } ?? 4
    return format.rowBlocks(columns: columns, unit: unit)
  }

  /// The constants by which kernels know the layout in a style.
  func defines(_ style: KernelStyle) -> [KernelVariant.Define] {
    [format.define] + (style == .simt && wordsAside < 4 ? [.init("ASIDE", wordsAside)] : [])
  }

  /// Bytes of a row.
  var rowBytes: Int { columns / format.superBlockSize * format.superBlockBytes }

  /// Bytes on the device.
  package var byteCount: Int { groupCount * 16 * (columns / format.superBlockSize) * format.superBlockBytes }
}

/// A matrix of weights on the device, or planned there; of experts, several of one shape one after another.
package struct WeightMatrix: Sendable, DeviceMemory {
  package let shape: WeightShape
  /// Matrices of this shape.
  package let expertCount: Int
  /// Bytes from one of them to the next.
  package let stride: Int
  package let view: BufferView
  /// Keeps the memory.
  private let allocation: DeviceAllocation?

  /// Takes memory for the matrix; its contents are undefined until `WeightUpload` has filled every row.
  ///
  /// - Throws: `MemoryError` if it does not fit.
  package init(_ shape: WeightShape, heap: DeviceHeap, label: String) throws {
    try self.init(shape, heap.allocate(byteCount: shape.byteCount, purpose: .weights, label: label))
  }

  /// A matrix, or `expertCount` of them, in memory of their size.
  package init(_ shape: WeightShape, _ allocation: DeviceAllocation, expertCount: Int = 1) throws {
    guard expertCount > 0, allocation.byteCount == shape.byteCount * expertCount else {
      throw OperatorError(
        .shape, "\(allocation.label): \(allocation.byteCount) bytes for \(expertCount) matrices of \(shape.byteCount)")
    }
    self.shape = shape
    self.expertCount = expertCount
    self.allocation = allocation
    stride = shape.byteCount
    view = allocation.buffer.view
  }

  /// Matrices that come to places of a pool, of which each has `stride` bytes.
  ///
  /// - Parameter expertCount: how many there are, in the pool or not.
  package init(_ shape: WeightShape, inPool pool: DeviceAllocation, stride: Int, expertCount: Int) throws {
    guard expertCount > 0, stride >= shape.byteCount, pool.byteCount >= stride else {
      throw OperatorError(
        .shape, "\(pool.label): places of \(stride) bytes for matrices of \(shape.byteCount)")
    }
    (self.shape, self.expertCount, self.stride, allocation) = (shape, expertCount, stride, pool)
    view = pool.buffer.view
  }

  /// A matrix that has no memory: for plans.
  package init(planning shape: WeightShape, label: String, expertCount: Int = 1) {
    self.shape = shape
    self.expertCount = expertCount
    stride = shape.byteCount
    allocation = nil
    view = BufferView(.planned(label))
  }

  /// Expert `index` of them, or what is at that place of the pool, as a matrix.
  package func expert(_ index: Int) -> WeightMatrix {
    WeightMatrix(shape, allocation, view.advanced(byBytes: index * stride))
  }

  private init(_ shape: WeightShape, _ allocation: DeviceAllocation?, _ view: BufferView) {
    (self.shape, self.allocation, self.view, expertCount, stride) = (shape, allocation, view, 1, shape.byteCount)
  }
}
