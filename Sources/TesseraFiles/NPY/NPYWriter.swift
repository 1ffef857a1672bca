import TesseraSystem

/// Writes a float32 `.npy` file in pieces, such as the logits of one chunk after another.
///
/// The file appears at its path when `finish()` returns; a writer that is dropped before leaves nothing behind.
package final class NPYWriter {
  /// The sizes in row-major order, slowest first.
  package let shape: [Int]
  /// Values that are still to be appended.
  package private(set) var remainingCount: Int

  private let output: AtomicFile

  /// Begins a file of the given shape.
  ///
  /// - Throws: `FileError` `.outOfRange` for a shape that no file can have, `.isFolder`, `.notFound` or `.system`
  ///   where the file cannot be created.
  package init(path: String, shape: [Int]) throws(FileError) {
    guard shape.count <= 32, let count = NPY.elementCount(shape), count <= Int.max / 8 else {
      throw FileError(.outOfRange, path: path, "an array of shape \(shape) cannot be written: check the sizes")
    }
    self.shape = shape
    remainingCount = count
    output = try AtomicFile(path: path)
    try output.append(NPY.header(shape: shape))
  }

  /// Appends values in row-major order: any number of rows, or parts of them.
  ///
  /// - Throws: `FileError` `.outOfRange` where there are more than the shape holds, `.system` where writing fails
  ///   (a full disk).
  package func append(_ values: UnsafeBufferPointer<Float>) throws(FileError) {
    guard values.count <= remainingCount else {
      throw FileError(
        .outOfRange, path: output.path,
        "\(values.count) values are too many for an array of shape \(shape) that lacks \(remainingCount)")
    }
    try output.append(UnsafeRawBufferPointer(values))
    remainingCount -= values.count
  }

  /// Appends values in row-major order.
  package func append(_ values: [Float]) throws(FileError) {
    let result = values.withUnsafeBufferPointer { buffer in Result { () throws(FileError) in try append(buffer) } }
    try result.get()
  }

  /// Checks that the shape is filled, and puts the file in place.
  package func finish() throws(FileError) {
    guard remainingCount == 0 else {
      throw FileError(
        .outOfRange, path: output.path, "an array of shape \(shape) lacks \(remainingCount) values: nothing is written")
    }
    try output.commit()
  }
}
