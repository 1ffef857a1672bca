import TesseraFiles

extension TensorRows {
  /// The rows of a tensor that is stored as (columns, rows), or of some of its stored rows.
  static func transposed(_ tensor: StoredTensor, rows part: Range<Int>? = nil, in checkpoint: any Checkpoint)
    -> TensorRows
  {
    let part = part ?? 0..<tensor.rowCount
    let (size, stride) = (tensor.type.blockByteCount, tensor.columnCount)
    return TensorRows(
      type: tensor.type, rowCount: tensor.columnCount, columnCount: part.count,
      finish: { checkpoint.release(tensor) },
      read: { rows, body in
        let stored = try checkpoint.bytes(of: tensor)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows.count * part.count * size)
        for row in rows {
          for column in part {
            let start = (column * stride + row) * size
            bytes += stored[start..<start + size]
          }
        }
        try bytes.withUnsafeBytes(body)
      })
  }

  /// The values of a float tensor as float32, with something added to each, in rows of a length.
  static func values(_ tensor: StoredTensor, in checkpoint: any Checkpoint, columnCount: Int, adding offset: Float)
    -> TensorRows
  {
    TensorRows(
      type: .f32, rowCount: columnCount > 0 ? tensor.elementCount / columnCount : 0, columnCount: columnCount,
      finish: { checkpoint.release(tensor) },
      read: { rows, body in
        let values = try FloatTensor.values(tensor, in: checkpoint).map { $0 + offset }
        try values[rows.lowerBound * columnCount..<rows.upperBound * columnCount].withUnsafeBytes(body)
      })
  }

  /// Rows of heads whose dimensions i and i + size / 2 turn together, in the order in which 2i and 2i + 1 do.
  func interleavingHeads(of size: Int) -> TensorRows {
    reordered { HeadOrder.halved($0, size: size) }
  }
}
