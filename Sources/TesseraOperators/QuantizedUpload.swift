import TesseraCL
import TesseraMemory

/// Brings matrices of float elements to the device in another format: quantized there, then repacked as if a file had had
/// them so.
///
/// Rows travel through two staging buffers, one for the elements and one for their blocks.
public final class QuantizedUpload {
  private let library: KernelLibrary
  private let queue: Queue
  private let elements: DeviceAllocation
  private let blocks: DeviceAllocation

  /// - Parameters:
  ///   - elementBytes: the size of the buffer for elements; it must hold 16 rows of the widest matrix.
  ///   - blockBytes: the size of the buffer for blocks; by default what suffices for any elements of float16.
  public init(
    _ library: KernelLibrary, queue: Queue, heap: DeviceHeap, elementBytes: Int = 8 << 20, blockBytes: Int? = nil
  ) throws {
    self.library = library
    self.queue = queue
    elements = try heap.allocate(byteCount: elementBytes, purpose: .staging, label: "elements on their way")
    blocks = try heap.allocate(
      byteCount: max(blockBytes ?? elementBytes, 1), purpose: .staging, label: "blocks on their way")
  }

  /// Quantizes `rows` rows to the matrix's format. Returns when the file's memory is no longer read.
  ///
  /// - Parameters:
  ///   - bytes: the rows as the file has them, `rows · columns` elements of the format `input`.
  ///   - matrix: where they go; of a format of `Quantizer.formats` and the same number of columns.
  /// - Throws: `OperatorError` if sizes do not fit, `CLError`.
  public func upload(
    _ bytes: UnsafeRawBufferPointer, as input: WeightFormat, rows: Int, into matrix: WeightMatrix,
    at placement: WeightUpload.Placement = .whole
  ) throws {
    let shape = matrix.shape
    let rowBytes = Quantizer.byteCount(shape.columns, as: input)
    let blockRowBytes = Quantizer.byteCount(shape.columns, as: shape.format)
    let lastGroup = placement.groupStart + ((rows + 15) / 16 - 1) * placement.groupStep
    guard rows > 0, bytes.count == rows * rowBytes, lastGroup < shape.groupCount else {
      throw OperatorError(
        .shape,
        "\(bytes.count) bytes for \(rows) rows of \(shape.columns) \(input.name) elements, \(rowBytes) bytes each")
    }
    let chunkRows = min(elements.byteCount / rowBytes, blocks.byteCount / blockRowBytes) / 16 * 16
    guard chunkRows > 0 else {
      throw OperatorError(
        .shape,
        "16 rows of \(max(rowBytes, blockRowBytes)) bytes do not fit the staging buffers of "
          + "\(elements.byteCount) and \(blocks.byteCount) bytes")
    }
    let quantizer = Quantizer(library)
    for first in stride(from: 0, to: rows, by: chunkRows) {
      let count = min(chunkRows, rows - first)
      try queue.write(
        UnsafeRawBufferPointer(rebasing: bytes[first * rowBytes..<(first + count) * rowBytes]), to: elements.buffer)
      try quantizer.enqueue(
        elements.buffer, as: input, into: blocks.buffer, elements: count * shape.columns, to: shape.format, on: queue)
      try WeightUpload.repack(
        blocks.buffer, rows: first..<first + count, into: matrix, at: placement, library, on: queue)
    }
  }
}
