import TesseraCL
import TesseraKernels
import TesseraMemory

/// Brings matrices from a file's memory to the device, repacked there: `Kernels/quantization/repack.cl`.
///
/// Rows travel through one staging buffer, so that at no time a second full copy of a matrix exists.
package final class WeightUpload {
  let library: KernelLibrary
  let queue: Queue
  let staging: DeviceAllocation

  /// - Parameter stagingBytes: the size of the staging buffer; it must hold 16 rows of the widest matrix.
  package init(_ library: KernelLibrary, queue: Queue, heap: DeviceHeap, stagingBytes: Int = 8 << 20) throws {
    self.library = library
    self.queue = queue
    staging = try heap.allocate(byteCount: stagingBytes, purpose: .staging, label: "weights on their way")
  }

  /// Where a file's rows go in a matrix.
  package struct Placement: Sendable {
    /// The group of 16 rows that the first row goes to.
    var groupStart = 0
    /// 2 interleaves the groups of two matrices.
    var groupStep = 1

    /// All of a matrix.
    package static let whole = Placement()
    /// Behind `rows` rows of another, a multiple of 16.
    package static func after(rows: Int) -> Placement { Placement(groupStart: rows / 16) }
    /// The gates or the ups of a matrix whose groups alternate between them.
    package static func alternating(isUp: Bool) -> Placement { Placement(groupStart: isUp ? 1 : 0, groupStep: 2) }
  }

  /// Uploads `rows` rows. Returns when the file's memory is no longer read.
  ///
  /// - Parameters:
  ///   - bytes: the rows as the file has them, `rows · columns / superBlockSize · superBlockBytes` bytes.
  ///   - matrix: where they go; of the same format and number of columns.
  /// - Throws: `OperatorError` if sizes do not fit, `CLError`.
  package func upload(
    _ bytes: UnsafeRawBufferPointer, rows: Int, into matrix: WeightMatrix, at placement: Placement = .whole
  ) throws {
    let shape = matrix.shape
    let rowBytes = shape.columns / shape.format.superBlockSize * shape.format.fileSuperBlockBytes
    let lastGroup = placement.groupStart + ((rows + 15) / 16 - 1) * placement.groupStep
    guard rows > 0, bytes.count == rows * rowBytes, lastGroup < shape.groupCount else {
      throw OperatorError(
        .shape,
        "\(bytes.count) bytes for \(rows) rows of \(shape.columns) \(shape.format.name) weights, \(rowBytes) bytes each"
      )
    }
    let chunkRows = staging.byteCount / rowBytes / 16 * 16
    guard chunkRows > 0 else {
      throw OperatorError(
        .shape, "16 rows of \(rowBytes) bytes do not fit the staging buffer of \(staging.byteCount) bytes")
    }
    for first in stride(from: 0, to: rows, by: chunkRows) {
      let count = min(chunkRows, rows - first)
      try queue.write(
        UnsafeRawBufferPointer(rebasing: bytes[first * rowBytes..<(first + count) * rowBytes]), to: staging.buffer)
      try Self.repack(
        staging.buffer, rows: first..<first + count, into: matrix, at: placement, library, on: queue)
    }
  }

  /// Enqueues the repacking of rows that are on the device, as a file has them, from the start of `raw`.
  static func repack(
    _ raw: any DeviceMemory, rows: Range<Int>, into matrix: WeightMatrix, at placement: Placement,
    _ library: KernelLibrary, on sink: some CommandSink
  ) throws {
    let shape = matrix.shape
    var block = RepackArguments()
    block.scales_offset = UInt64(shape.scalesOffset)
    block.first_row = UInt32(rows.lowerBound)
    block.row_count = UInt32(rows.count)
    block.columns = UInt32(shape.columns)
    block.group_start = UInt32(placement.groupStart)
    block.group_step = UInt32(placement.groupStep)
    let sets = shape.columns / shape.format.superBlockSize
    try sink.dispatch(
      Dispatch(
        KernelVariant("quantization/repack.cl", "repack", shape.defines(library.style)), block,
        views: [raw.view, matrix.view], written: [1], units: .init((rows.count + 15) / 16, (sets + 3) / 4),
        localSize: library.style.localSize), library)
  }
}
