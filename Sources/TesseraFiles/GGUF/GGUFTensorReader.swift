import TesseraSystem

extension GGUFCursor {
  /// Reads `count` tensor descriptions and checks them against the file: names, types, sizes, places, overlaps.
  ///
  /// - Parameter alignment: what every tensor's offset is a multiple of; a power of two.
  mutating func tensors(count: Int, alignment: Int) throws(FileError) -> [TensorInfo] {
    var relative: [(info: TensorInfo, describedAt: Int)] = []
    relative.reserveCapacity(count)
    var names: Set<String> = []
    names.reserveCapacity(count)
    for index in 0..<count {
      let describedAt = offset
      let info = try tensor(index: index, alignment: alignment)
      guard names.insert(info.name).inserted else {
        throw error(
          .malformed, "the tensor \(FileError.quoted(info.name))",
          "appears twice: the file is damaged or badly made, get another one")
      }
      relative.append((info, describedAt))
    }
    // No overflow: `offset` is below the header's limit, and so is the alignment.
    let dataOffset = (offset + alignment - 1) & ~(alignment - 1)
    var tensors: [TensorInfo] = []
    tensors.reserveCapacity(count)
    for (info, describedAt) in relative {
      tensors.append(try placed(info, describedAt: describedAt, dataOffset: dataOffset))
    }
    try checkOverlaps(tensors)
    return tensors
  }

  /// Reads one description; its `fileOffset` still counts from the start of the tensor data.
  private mutating func tensor(index: Int, alignment: Int) throws(FileError) -> TensorInfo {
    let name = try string(limit: GGUFLimits.tensorNameByteCount, "the name of tensor \(index)")
    let what = "the tensor \(FileError.quoted(name))"
    guard !name.isEmpty else {
      throw error(.malformed, "the name of tensor \(index)", "is empty: the file is damaged, download it again")
    }
    let dimensionCount = try integer(UInt32.self, what)
    guard (1...GGUFLimits.dimensionCount).contains(Int(dimensionCount)) else {
      throw error(
        .malformed, what,
        "has \(dimensionCount) dimensions, and only 1 to \(GGUFLimits.dimensionCount) are possible: "
          + "the file is damaged, download it again")
    }
    var dimensions: [Int] = []
    for _ in 0..<dimensionCount {
      let stored = try integer(UInt64.self, what)
      guard let dimension = Int(exactly: stored), dimension > 0 else {
        throw error(.malformed, what, "has a dimension of \(stored): the file is damaged, download it again")
      }
      dimensions.append(dimension)
    }
    let type = try tensorType(what)
    let relativeOffset = try integer(UInt64.self, what)
    guard let fileOffset = Int(exactly: relativeOffset), fileOffset % alignment == 0 else {
      throw error(
        .malformed, what,
        "is at offset \(relativeOffset), not a multiple of the alignment \(alignment): "
          + "the file is damaged, download it again")
    }
    let (elementCount, byteCount) = try size(of: dimensions, type, what)
    return TensorInfo(
      name: name, type: type, dimensions: dimensions, elementCount: elementCount, byteCount: byteCount,
      fileOffset: fileOffset)
  }

  private mutating func tensorType(_ what: String) throws(FileError) -> GGMLType {
    let number = try integer(UInt32.self, what)
    if let type = GGMLType(rawValue: number) { return type }
    if let name = GGMLType.removedName(number) {
      throw error(
        .unsupportedType, what,
        "has the type \(name) (\(number)), which ggml has removed: get a file in a current type such as Q4_0")
    }
    throw error(
      .unsupportedType, what,
      "has the unknown type \(number): the file is damaged, or newer than this reader; get one in another type")
  }

  private func size(
    of dimensions: [Int], _ type: GGMLType, _ what: String
  ) throws(FileError) -> (elementCount: Int, byteCount: Int) {
    let rowLength = dimensions.first ?? 0
    guard rowLength % type.blockElementCount == 0 else {
      throw error(
        .malformed, what,
        "has rows of \(rowLength) elements, not a multiple of \(type.name)'s block of \(type.blockElementCount): "
          + "the file is damaged, download it again")
    }
    var elementCount = 1
    for dimension in dimensions {
      let (product, overflow) = elementCount.multipliedReportingOverflow(by: dimension)
      guard !overflow else { throw overflowing(dimensions, what) }
      elementCount = product
    }
    let (byteCount, overflow) = (elementCount / type.blockElementCount)
      .multipliedReportingOverflow(by: type.blockByteCount)
    guard !overflow else { throw overflowing(dimensions, what) }
    return (elementCount, byteCount)
  }

  private func overflowing(_ dimensions: [Int], _ what: String) -> FileError {
    let shape = dimensions.map(String.init).joined(separator: " × ")
    return error(.tooLarge, what, "has \(shape) elements, more than 64 bits count: the file is damaged")
  }

  /// `info` with its place counted from the start of the file, if it fits.
  private func placed(_ info: TensorInfo, describedAt: Int, dataOffset: Int) throws(FileError) -> TensorInfo {
    let (start, startOverflow) = dataOffset.addingReportingOverflow(info.fileOffset)
    let (end, endOverflow) = start.addingReportingOverflow(info.byteCount)
    guard !startOverflow, !endOverflow, end <= file.byteCount else {
      let place = startOverflow ? "beyond 64 bits" : "at byte \(start)"
      throw FileError(
        .truncated, path: file.path,
        "the tensor \(FileError.quoted(info.name)) (described at byte \(describedAt)) takes \(info.byteCount) bytes "
          + "\(place), but the file has \(file.byteCount): it is truncated or damaged, download it again")
    }
    return TensorInfo(
      name: info.name, type: info.type, dimensions: info.dimensions, elementCount: info.elementCount,
      byteCount: info.byteCount, fileOffset: start)
  }

  private func checkOverlaps(_ tensors: [TensorInfo]) throws(FileError) {
    let sorted = tensors.sorted { $0.fileOffset < $1.fileOffset }
    for (first, second) in zip(sorted, sorted.dropFirst())
    where first.fileOffset + first.byteCount > second.fileOffset {
      throw FileError(
        .malformed, path: file.path,
        "the tensors \(FileError.quoted(first.name)) (bytes \(first.fileOffset) to "
          + "\(first.fileOffset + first.byteCount)) and \(FileError.quoted(second.name)) (from byte "
          + "\(second.fileOffset)) overlap: the file is damaged, download it again")
    }
  }
}
