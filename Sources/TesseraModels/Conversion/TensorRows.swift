import TesseraFiles

/// Rows of a tensor for `ModelConverter`: where they come from, piece by piece, and in what type.
package struct TensorRows: Sendable {
  /// The type that rows come in.
  package let type: GGMLType
  package let rowCount: Int
  /// Elements of a row.
  package let columnCount: Int

  private let read: @Sendable (Range<Int>, (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  private let finish: @Sendable () -> Void

  /// Rows that `read` gives: it is called with ranges of rows, front to back, and calls back with their bytes, in one or
  /// several pieces of whole rows.
  ///
  /// - Parameter finish: called when no more rows are wanted.
  package init(
    type: GGMLType, rowCount: Int, columnCount: Int, finish: @escaping @Sendable () -> Void = {},
    read: @escaping @Sendable (Range<Int>, (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) {
    (self.type, self.rowCount, self.columnCount) = (type, rowCount, columnCount)
    (self.read, self.finish) = (read, finish)
  }

  /// Bytes of a row.
  package var rowByteCount: Int { columnCount / type.blockElementCount * type.blockByteCount }

  /// Calls `body` with the bytes of rows.
  package func withRows(_ rows: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try read(rows, body)
  }

  /// Lets go of what the rows were read from.
  func release() { finish() }

  /// A tensor's rows as they are stored.
  package static func stored(_ tensor: StoredTensor, in checkpoint: any Checkpoint) -> TensorRows {
    TensorRows(
      type: tensor.type, rowCount: tensor.rowCount, columnCount: tensor.columnCount,
      finish: { checkpoint.release(tensor) },
      read: { rows, body in
        try checkpoint.withRows(rows, of: tensor, body)
      })
  }

  /// The rows of several tensors of one type and row length, one behind the other.
  ///
  /// - Throws: `ModelError` `.inconsistent` where they differ, or there are none.
  package static func joined(_ parts: [TensorRows]) throws -> TensorRows {
    guard let first = parts.first,
      parts.allSatisfy({ $0.type == first.type && $0.columnCount == first.columnCount })
    else { throw ModelError(.inconsistent, "tensors that differ in type or row length cannot be joined") }
    return TensorRows(
      type: first.type, rowCount: parts.reduce(0) { $0 + $1.rowCount }, columnCount: first.columnCount,
      finish: { for part in parts { part.release() } },
      read: { rows, body in
        var start = 0
        for part in parts {
          let own = rows.clamped(to: start..<start + part.rowCount)
          if !own.isEmpty { try part.withRows(own.lowerBound - start..<own.upperBound - start, body) }
          start += part.rowCount
        }
      })
  }

  /// These rows in another order: row `i` is this one's row `source(i)`.
  package func reordered(_ source: @escaping @Sendable (Int) -> Int) -> TensorRows {
    TensorRows(
      type: type, rowCount: rowCount, columnCount: columnCount, finish: finish,
      read: { rows, body in
        for row in rows { try withRows(source(row)..<source(row) + 1, body) }
      })
  }

  /// Some of these rows.
  func taking(_ rows: StridedRows) -> TensorRows {
    TensorRows(
      type: type, rowCount: rows.rowCount, columnCount: columnCount, finish: finish,
      read: { range, body in
        for number in range { try withRows(rows.row(number)..<rows.row(number) + 1, body) }
      })
  }

  /// All of these rows as one.
  func asOneRow() -> TensorRows {
    TensorRows(
      type: type, rowCount: 1, columnCount: rowCount * columnCount, finish: finish,
      read: { range, body in
        if !range.isEmpty { try withRows(0..<rowCount, body) }
      })
  }

  /// Rows of float32 that are at hand.
  package static func floats(_ values: [Float], columnCount: Int) -> TensorRows {
    TensorRows(
      type: .f32, rowCount: columnCount > 0 ? values.count / columnCount : 0, columnCount: columnCount,
      read: { rows, body in
        try values[rows.lowerBound * columnCount..<rows.upperBound * columnCount].withUnsafeBytes(body)
      })
  }
}
