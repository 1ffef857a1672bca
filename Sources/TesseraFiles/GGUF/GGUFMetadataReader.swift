import TesseraSystem

extension GGUFCursor {
  /// Reads `count` keys with their values.
  ///
  /// - Throws: `FileError` where the file is truncated, a key appears twice, or a type is unknown.
  mutating func metadata(count: Int) throws(FileError) -> Metadata {
    var keys: [String] = []
    var values: [String: MetadataValue] = [:]
    keys.reserveCapacity(count)
    values.reserveCapacity(count)
    var nestedArrays = 0
    for index in 0..<count {
      let key = try string(limit: GGUFLimits.keyByteCount, "metadata key \(index)")
      guard !key.isEmpty else {
        throw error(.malformed, "metadata key \(index)", "is empty: the file is damaged, download it again")
      }
      let type = try metadataType("the type of the metadata key \(FileError.quoted(key))")
      let value = try value(of: type, key: key, depth: 0, nestedArrays: &nestedArrays)
      guard values.updateValue(value, forKey: key) == nil else {
        throw error(
          .malformed, "the metadata key \(FileError.quoted(key))",
          "appears twice: the file is damaged or badly made, get another one")
      }
      keys.append(key)
    }
    return Metadata(keys: keys, values: values, path: file.path)
  }

  private mutating func metadataType(_ what: @autoclosure () -> String) throws(FileError) -> MetadataType {
    let number = try integer(UInt32.self, what())
    guard let type = MetadataType(rawValue: number) else {
      throw error(.malformed, what(), "is \(number), and only 0 to 12 exist: the file is damaged, download it again")
    }
    return type
  }

  private mutating func value(
    of type: MetadataType, key: String, depth: Int, nestedArrays: inout Int
  ) throws(FileError) -> MetadataValue {
    let what = "the value of the metadata key \(FileError.quoted(key))"
    switch type {
    case .string:
      return .string(Metadata.isStrict(key) ? try string(what) : try repairedString(what))
    case .array:
      return .array(try array(key: key, depth: depth, nestedArrays: &nestedArrays))
    default:
      guard let size = type.byteCount else { throw error(.malformed, what, "has no size") }
      let start = try take(size, what)
      try checkBools(type, start: start, count: 1, what)
      guard let value = MetadataArray.scalar(type, in: file.contents, at: start) else {
        throw error(.malformed, what, "has no size")
      }
      return value
    }
  }

  private mutating func array(key: String, depth: Int, nestedArrays: inout Int) throws(FileError) -> MetadataArray {
    let what = "the metadata array \(FileError.quoted(key))"
    let type = try metadataType("the element type of \(what)")
    // The least bytes of an element: a string's length, or a nested array's type and count.
    let leastByteCount = type.byteCount ?? (type == .string ? 8 : 12)
    let count = try count(of: leastByteCount, limit: GGUFLimits.arrayCount, "the length of \(what)")
    let storage: MetadataArray.Storage
    if let size = type.byteCount {
      let start = try take(count * size, what)
      try checkBools(type, start: start, count: count, what)
      storage = .fixed(offset: start)
    } else if type == .string {
      storage = try strings(count: count, what)
    } else {
      storage = try arrays(count: count, key: key, depth: depth, nestedArrays: &nestedArrays, what)
    }
    return MetadataArray(elementType: type, count: count, key: key, file: file, storage: storage)
  }

  private mutating func strings(count: Int, _ what: String) throws(FileError) -> MetadataArray.Storage {
    let start = offset
    var starts: [UInt32] = []
    starts.reserveCapacity(count + 1)
    for index in 0..<count {
      // Within the header's limit, and so within 32 bits.
      starts.append(UInt32(truncatingIfNeeded: offset - start))
      _ = try stringRange("element \(index) of \(what)")
    }
    starts.append(UInt32(truncatingIfNeeded: offset - start))
    return .strings(offset: start, starts: starts)
  }

  private mutating func arrays(
    count: Int, key: String, depth: Int, nestedArrays: inout Int, _ what: String
  ) throws(FileError) -> MetadataArray.Storage {
    guard depth < GGUFLimits.nestingDepth else {
      throw error(
        .tooLarge, what, "is nested more than \(GGUFLimits.nestingDepth) arrays deep: the file is damaged")
    }
    guard count <= GGUFLimits.nestedArrayCount - nestedArrays else {
      throw error(
        .tooLarge, what,
        "brings the arrays inside arrays to more than \(GGUFLimits.nestedArrayCount): the file is damaged")
    }
    nestedArrays += count
    var arrays: [MetadataArray] = []
    arrays.reserveCapacity(count)
    for _ in 0..<count {
      arrays.append(try array(key: key, depth: depth + 1, nestedArrays: &nestedArrays))
    }
    return .arrays(arrays)
  }

  private func checkBools(_ type: MetadataType, start: Int, count: Int, _ what: String) throws(FileError) {
    guard type == .bool else { return }
    guard file.contents[start..<start + count].allSatisfy({ $0 <= 1 }) else {
      throw error(.malformed, what, "holds a bool that is neither 0 nor 1: the file is damaged, download it again")
    }
  }
}
