/// A matrix cut into row ranges that each fit into one device allocation.
public struct RowSplit: Sendable, Equatable {
  /// The row ranges, in order, without gaps; all but the last are equally long.
  public let ranges: [Range<Int>]

  /// Cuts `rowCount` rows of `bytesPerRow` bytes into as few ranges as `maxAllocationBytes` allows.
  ///
  /// Range borders are multiples of `rowGroup`, the rows that a kernel's weight layout keeps together (16 for the
  /// row-interleaved layout).
  ///
  /// Throws ``MemoryError`` when a count is not positive or not even one group fits.
  public init(
    rowCount: Int, bytesPerRow: Int, rowGroup: Int = 16, maxAllocationBytes: Int, label: String
  ) throws(MemoryError) {
    guard rowCount > 0, bytesPerRow > 0, rowGroup > 0 else {
      throw MemoryError(.invalidRequest, "\(label): \(rowCount) rows of \(bytesPerRow) bytes in groups of \(rowGroup)")
    }
    _ = try checkedProduct(rowCount, bytesPerRow, of: label)
    let groupBytes = try checkedProduct(rowGroup, bytesPerRow, of: label)
    guard groupBytes <= maxAllocationBytes else {
      throw MemoryError(
        .overMaxAllocation,
        "\(label): \(rowGroup) rows are \(formatted(bytes: groupBytes)), the device allows "
          + "\(formatted(bytes: max(0, maxAllocationBytes))) in one buffer: use another device")
    }
    let rowsPerRange = min(rowCount, maxAllocationBytes / groupBytes * rowGroup)
    ranges = stride(from: 0, to: rowCount, by: rowsPerRange).map { $0..<min(rowCount, $0 + rowsPerRange) }
  }
}
