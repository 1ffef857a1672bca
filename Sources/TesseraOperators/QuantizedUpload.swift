import TesseraCL
import TesseraMemory

extension WeightUpload {
  /// Brings rows of float elements to a matrix of another format: quantized on the device, then repacked as if a file had
  /// had them so. Returns when the file's memory is no longer read.
  ///
  /// The staging buffer holds elements and, behind them, their blocks: 16 rows of both must fit.
  ///
  /// - Parameters:
  ///   - bytes: the rows as the file has them, `rows · columns` elements.
  ///   - input: the elements' format, of `Quantizer.inputs`.
  ///   - matrix: where they go; of a format of `Quantizer.formats` and the same number of columns.
  /// - Throws: `OperatorError` if sizes do not fit, `CLError`.
  package func quantize(
    _ bytes: UnsafeRawBufferPointer, as input: WeightFormat, rows: Int, into matrix: WeightMatrix,
    at placement: Placement = .whole
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
    let chunkRows = staging.byteCount / (rowBytes + blockRowBytes) / 16 * 16
    guard chunkRows > 0 else {
      throw OperatorError(
        .shape,
        "16 rows of \(rowBytes + blockRowBytes) bytes do not fit the staging buffer of \(staging.byteCount) bytes")
    }
    let quantizer = Quantizer(library)
    let blocks = staging.buffer.view.advanced(byBytes: chunkRows * rowBytes)
    for first in stride(from: 0, to: rows, by: chunkRows) {
      let count = min(chunkRows, rows - first)
      try queue.write(
        UnsafeRawBufferPointer(rebasing: bytes[first * rowBytes..<(first + count) * rowBytes]), to: staging.buffer)
      try quantizer.enqueue(
        staging.buffer, as: input, into: blocks, elements: count * shape.columns, to: shape.format, on: queue)
      try Self.repack(blocks, rows: first..<first + count, into: matrix, at: placement, library, on: queue)
    }
  }
}
