/// Rows of a tensor at regular places: runs of `length` rows, each of which begins `stride` rows behind the one before. However
/// many there are, they take the room of four numbers.
package struct StridedRows: RandomAccessCollection, Hashable, Sendable, CustomStringConvertible {
  /// From the first row to behind the last.
  package let bounds: Range<Int>
  private let length: Int
  private let stride: Int

  /// Rows that follow each other.
  package init(_ rows: Range<Int>) { self.init(rows, length: rows.count, every: rows.count) }

  /// The first `length` of every `stride` rows; all of them unless the two are 1 or more, and the stride is not the less.
  package init(_ bounds: Range<Int>, length: Int, every stride: Int) {
    let isValid = length > 0 && stride >= length
    (self.length, self.stride) = isValid ? (length, stride) : (Swift.max(1, bounds.count), Swift.max(1, bounds.count))
    let rest = bounds.isEmpty ? 0 : (bounds.count - 1) % self.stride + 1
    // What lies behind the last run is none of them.
    self.bounds = bounds.lowerBound..<bounds.upperBound - (rest > self.length ? rest - self.length : 0)
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { (bounds.count + stride - 1) / stride }

  /// A run.
  package subscript(index: Int) -> Range<Int> {
    let start = bounds.lowerBound + index * stride
    return start..<Swift.min(start + length, bounds.upperBound)
  }

  /// Rows of all runs.
  package var rowCount: Int { bounds.count / stride * length + Swift.min(bounds.count % stride, length) }

  /// Where the one of that number is, counted over all runs.
  package func row(_ number: Int) -> Int { bounds.lowerBound + number / length * stride + number % length }

  package var description: String { length == stride ? "\(bounds)" : "\(length) of every \(stride) of \(bounds)" }

  /// Calls `body` with the bytes of these rows, one behind the other.
  ///
  /// - Parameter bytes: of all rows, as far as they reach.
  package func withBytes(
    of bytes: UnsafeRawBufferPointer, rowByteCount: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    func part(_ rows: Range<Int>) -> UnsafeRawBufferPointer {
      .init(rebasing: bytes[rows.lowerBound * rowByteCount..<rows.upperBound * rowByteCount])
    }
    if count <= 1 { return try body(part(bounds)) }
    let gathered = [UInt8](unsafeUninitializedCapacity: rowCount * rowByteCount) { memory, end in
      for run in self {
        let target = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(memory)[end...])
        target.copyMemory(from: part(run))
        end += run.count * rowByteCount
      }
    }
    try gathered.withUnsafeBytes(body)
  }
}
