/// Reading and writing numpy's `.npy` files.
///
/// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package enum NPY {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Writes float32 values in row-major order. The file appears at `path` complete or not at all.
  ///
  /// - Throws: `FileError` `.outOfRange` where `values` does not fill `shape`, `.system` where writing fails.
  package static func write(_ values: [Float], shape: [Int], to path: String) throws(FileError) {
    let writer = try NPYWriter(path: path, shape: shape)
    try writer.append(values)
    try writer.finish()
  }

  /// Opens and checks a file.
  package static func read(path: String) throws(FileError) -> NPYArray { try NPYArray(path: path) }

  /// The bytes before the data: version 1.0, padded so that the data begins at a multiple of 64.
  static func header(shape: [Int]) -> [UInt8] {
    // As Python writes tuples: (), (3,), (3, 4).
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
    let prefixByteCount = magic.count + 4
    let padding = 63 - (prefixByteCount + text.count) % 64
    text += Array(repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
    let count = UInt16(truncatingIfNeeded: text.count)
    return magic + [1, 0, UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8)] + text
  }

  /// The product of a shape; nil where a size is negative or the product exceeds `Int`.
  static func elementCount(_ shape: [Int]) -> Int? {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { return nil }
      count = product
    }
    return count
  }
}
