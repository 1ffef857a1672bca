import TesseraSystem

/// A tensor of a checkpoint: its name, how its elements are stored, and where.
package struct StoredTensor: Sendable, Hashable {
  /// The name, such as `blk.0.attn_q.weight` or `model.layers.0.self_attn.q_proj.weight`.
  package let name: String
  /// How elements are stored.
  package let type: GGMLType
  /// The sizes, the slowest-moving first, as in Python; the last is a row's length. Empty for a scalar.
  package let shape: [Int]
  /// The product of the shape.
  package let elementCount: Int
  /// Bytes that the elements take.
  package let byteCount: Int
  /// Which of the checkpoint's files has the bytes, from 0; always 0 where there is one or none.
  package let part: Int
  /// Where the bytes begin, counted from the start of that file.
  package let offset: Int

  /// Elements in a row: the last size, 1 for a scalar.
  package var columnCount: Int { shape.last ?? 1 }

  /// Number of rows: the product of all sizes but the last.
  package var rowCount: Int { columnCount == 0 ? 0 : elementCount / columnCount }

  /// Bytes of a row: whole blocks.
  package var rowByteCount: Int { columnCount / type.blockElementCount * type.blockByteCount }

  /// A tensor without bytes, which `DescribedCheckpoint` holds.
  ///
  /// - Parameter checkpoint: what errors name.
  /// - Throws: `FileError` `.malformed` for a shape whose rows are not whole blocks, `.tooLarge` for sizes beyond `Int`.
  package init(_ name: String, _ type: GGMLType, _ shape: [Int], of checkpoint: String = "") throws(FileError) {
    guard shape.allSatisfy({ $0 > 0 }), (shape.last ?? 1).isMultiple(of: type.blockElementCount) else {
      throw FileError(
        .malformed, path: checkpoint,
        "\(FileError.quoted(name)) has the shape \(shape): sizes are at least 1, and rows of \(type.name) are "
          + "multiples of \(type.blockElementCount)")
    }
    var elementCount = 1
    var isTooLarge = false
    for size in shape {
      let (product, overflow) = elementCount.multipliedReportingOverflow(by: size)
      (elementCount, isTooLarge) = (product, isTooLarge || overflow)
    }
    let (byteCount, overflow) = (elementCount / type.blockElementCount)
      .multipliedReportingOverflow(by: type.blockByteCount)
    guard !isTooLarge, !overflow else {
      throw FileError(
        .tooLarge, path: checkpoint, "\(FileError.quoted(name)) has the shape \(shape), more than any memory holds")
    }
    self.init(
      name: name, type: type, shape: shape, elementCount: elementCount, byteCount: byteCount, part: 0, offset: 0)
  }

  init(name: String, type: GGMLType, shape: [Int], elementCount: Int, byteCount: Int, part: Int, offset: Int) {
    self.name = name
    self.type = type
    self.shape = shape
    self.elementCount = elementCount
    self.byteCount = byteCount
    self.part = part
    self.offset = offset
  }

  init(_ info: TensorInfo, part: Int) {
    self.init(
      name: info.name, type: info.type, shape: info.dimensions.reversed(), elementCount: info.elementCount,
      byteCount: info.byteCount, part: part, offset: info.fileOffset)
  }
}
