import TesseraSystem

/// An array of a GGUF file's metadata, left in the mapped file until its elements are asked for.
package struct MetadataArray: Sendable {
  enum Storage: Sendable {
    /// Values of one fixed size, from this byte offset of the file.
    case fixed(offset: Int)
    /// Strings: see `RawStrings`.
    case strings(offset: Int, starts: [UInt32])
    case arrays([MetadataArray])
  }

  /// The type of every element.
  package let elementType: MetadataType
  /// The number of elements.
  package let count: Int

  let key: String
  let file: MappedFile
  let storage: Storage

  /// The element at `index`, or nil where there is none. A string that is not UTF-8 is repaired with U+FFFD.
  package subscript(index: Int) -> MetadataValue? {
    guard index >= 0, index < count else { return nil }
    switch storage {
    case .arrays(let arrays): return .array(arrays[index])
    case .strings:
      guard let bytes = rawStrings?[index] else { return nil }
      return .string(String(decoding: bytes, as: UTF8.self))
    case .fixed(let offset):
      guard let size = elementType.byteCount else { return nil }
      return MetadataArray.scalar(elementType, in: file.contents, at: offset + index * size)
    }
  }

  /// The bytes of an array of strings; nil for other arrays.
  package var rawStrings: RawStrings? {
    guard case .strings(let offset, let starts) = storage else { return nil }
    return RawStrings(file: file, offset: offset, starts: starts)
  }

  /// The elements of an array of strings.
  ///
  /// - Throws: `FileError` `.wrongType` for other arrays, `.malformed` where a string of a tokenizer is not UTF-8.
  package func strings() throws(FileError) -> [String] {
    guard let raw = rawStrings else { throw wrongType("strings") }
    var result: [String] = []
    result.reserveCapacity(count)
    for index in 0..<count {
      guard Metadata.isStrict(key) else {
        result.append(raw.withBytes(at: index) { String(decoding: $0, as: UTF8.self) })
        continue
      }
      guard let string = raw.withBytes(at: index, { String(validating: $0, as: UTF8.self) }) else {
        throw FileError(
          .malformed, path: file.path,
          "element \(index) of the metadata array \(FileError.quoted(key)) is not UTF-8: download the file again")
      }
      result.append(string)
    }
    return result
  }

  /// The elements of an array of any integer type.
  ///
  /// - Throws: `FileError` `.wrongType` for other arrays and for elements beyond `Int`.
  package func ints() throws(FileError) -> [Int] {
    guard case .fixed(let offset) = storage else { throw wrongType("integers") }
    let values: [Int]?
    switch elementType {
    case .uint8: values = convert(UInt8.self, offset) { Int(UInt8(littleEndian: $0)) }
    case .int8: values = convert(Int8.self, offset) { Int(Int8(littleEndian: $0)) }
    case .uint16: values = convert(UInt16.self, offset) { Int(UInt16(littleEndian: $0)) }
    case .int16: values = convert(Int16.self, offset) { Int(Int16(littleEndian: $0)) }
    case .uint32: values = convert(UInt32.self, offset) { Int(exactly: UInt32(littleEndian: $0)) }
    case .int32: values = convert(Int32.self, offset) { Int(Int32(littleEndian: $0)) }
    case .uint64: values = convert(UInt64.self, offset) { Int(exactly: UInt64(littleEndian: $0)) }
    case .int64: values = convert(Int64.self, offset) { Int(exactly: Int64(littleEndian: $0)) }
    case .float32, .float64, .bool, .string, .array: throw wrongType("integers")
    }
    guard let values else {
      throw FileError(
        .wrongType, path: file.path,
        "the metadata array \(FileError.quoted(key)) holds a number beyond 64-bit signed integers")
    }
    return values
  }

  /// The elements of an array of a floating-point type, rounded to float32.
  ///
  /// - Throws: `FileError` `.wrongType` for other arrays.
  package func floats() throws(FileError) -> [Float] {
    guard case .fixed(let offset) = storage else { throw wrongType("floating-point numbers") }
    let values: [Float]?
    switch elementType {
    case .float32: values = convert(UInt32.self, offset) { Float(bitPattern: UInt32(littleEndian: $0)) }
    case .float64: values = convert(UInt64.self, offset) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
    default: values = nil
    }
    guard let values else { throw wrongType("floating-point numbers") }
    return values
  }

  /// The elements of an array of bools.
  ///
  /// - Throws: `FileError` `.wrongType` for other arrays.
  package func bools() throws(FileError) -> [Bool] {
    guard elementType == .bool, case .fixed(let offset) = storage,
      let values = convert(UInt8.self, offset, { $0 != 0 })
    else { throw wrongType("bools") }
    return values
  }

  /// The elements of an array of arrays.
  ///
  /// - Throws: `FileError` `.wrongType` for other arrays.
  package func arrays() throws(FileError) -> [MetadataArray] {
    guard case .arrays(let arrays) = storage else { throw wrongType("arrays") }
    return arrays
  }

  /// The value of a fixed-size type at a byte offset that the caller has checked; nil for strings and arrays.
  static func scalar(_ type: MetadataType, in bytes: UnsafeRawBufferPointer, at offset: Int) -> MetadataValue? {
    func load<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
    return switch type {
    case .uint8: .uint8(load(UInt8.self))
    case .int8: .int8(load(Int8.self))
    case .uint16: .uint16(load(UInt16.self))
    case .int16: .int16(load(Int16.self))
    case .uint32: .uint32(load(UInt32.self))
    case .int32: .int32(load(Int32.self))
    case .uint64: .uint64(load(UInt64.self))
    case .int64: .int64(load(Int64.self))
    case .float32: .float32(Float(bitPattern: load(UInt32.self)))
    case .float64: .float64(Double(bitPattern: load(UInt64.self)))
    case .bool: .bool(load(UInt8.self) != 0)
    case .string, .array: nil
    }
  }

  /// Converts every element; nil as soon as one does not convert.
  private func convert<Stored: BitwiseCopyable, Element>(
    _: Stored.Type, _ offset: Int, _ body: (Stored) -> Element?
  ) -> [Element]? {
    let contents = file.contents
    let stride = MemoryLayout<Stored>.size
    var result: [Element] = []
    result.reserveCapacity(count)
    for index in 0..<count {
      guard let value = body(contents.loadUnaligned(fromByteOffset: offset + index * stride, as: Stored.self))
      else { return nil }
      result.append(value)
    }
    return result
  }

  private func wrongType(_ wanted: String) -> FileError {
    FileError(
      .wrongType, path: file.path,
      "the metadata array \(FileError.quoted(key)) holds \(elementType), not \(wanted): "
        + "the file was made by a converter for something else")
  }
}
