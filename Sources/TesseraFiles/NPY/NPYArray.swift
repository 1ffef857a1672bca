/// An array of a `.npy` file (versions 1 to 3, row-major, little-endian), memory-mapped.
package struct NPYArray: Sendable {
  /// The sizes in row-major order, slowest first; empty for a scalar.
  package let shape: [Int]
  /// The element type.
  package let type: NPYType
  /// The product of the shape.
  package let elementCount: Int

  private let file: MappedFile
  private let dataOffset: Int

  /// Opens and checks the file at `path`.
  ///
  /// - Throws: `FileError` for whatever is wrong with it; see `FileError.Code`.
  package init(path: String) throws(FileError) {
    let file = try MappedFile(path: path)
    let (header, dataOffset) = try NPYHeader.read(file)
    guard let elementCount = NPY.elementCount(header.shape) else {
      throw FileError(.malformed, path: path, "the shape \(header.shape) has more elements than 64 bits count")
    }
    let (byteCount, overflow) = elementCount.multipliedReportingOverflow(by: header.type.byteCount)
    let available = file.byteCount - dataOffset
    guard !overflow, byteCount <= available else {
      throw FileError(
        .truncated, path: path,
        "an array of shape \(header.shape) needs more than the \(available) bytes that follow the header: "
          + "write the file again")
    }
    guard byteCount == available else {
      throw FileError(
        .malformed, path: path, "\(available - byteCount) bytes follow the array: write the file again")
    }
    self.shape = header.shape
    self.type = header.type
    self.elementCount = elementCount
    self.file = file
    self.dataOffset = dataOffset
  }

  /// The values of a float16, float32 or float64 array as float32, row-major.
  ///
  /// - Throws: `FileError` `.wrongType` for other arrays.
  package func floats() throws(FileError) -> [Float] {
    switch type {
    case .float16: values(UInt16.self) { Float(halfBits: UInt16(littleEndian: $0)) }
    case .float32: values(UInt32.self) { Float(bitPattern: UInt32(littleEndian: $0)) }
    case .float64: values(UInt64.self) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
    default: throw wrongType("floating-point numbers")
    }
  }

  /// The values of an integer or bool array, row-major.
  ///
  /// - Throws: `FileError` `.wrongType` for other arrays, `.outOfRange` for a value beyond `Int`.
  package func ints() throws(FileError) -> [Int] {
    switch type {
    case .int8: return values(Int8.self) { Int($0) }
    case .int16: return values(Int16.self) { Int(Int16(littleEndian: $0)) }
    case .int32: return values(Int32.self) { Int(Int32(littleEndian: $0)) }
    case .int64: return values(Int64.self) { Int(Int64(littleEndian: $0)) }
    case .uint8, .bool: return values(UInt8.self) { Int($0) }
    case .uint16: return values(UInt16.self) { Int(UInt16(littleEndian: $0)) }
    case .uint32: return values(UInt32.self) { Int(UInt32(littleEndian: $0)) }
    case .uint64:
      let converted = values(UInt64.self) { Int(exactly: UInt64(littleEndian: $0)) }
      let result = converted.compactMap { $0 }
      guard result.count == converted.count else {
        throw FileError(.outOfRange, path: file.path, "a value is beyond 64-bit signed integers")
      }
      return result
    case .float16, .float32, .float64: throw wrongType("integers")
    }
  }

  private func values<Stored: BitwiseCopyable, Element>(
    _: Stored.Type, _ convert: (Stored) -> Element
  ) -> [Element] {
    let contents = file.contents
    let stride = MemoryLayout<Stored>.size
    return (0..<elementCount).map {
      convert(contents.loadUnaligned(fromByteOffset: dataOffset + $0 * stride, as: Stored.self))
    }
  }

  private func wrongType(_ wanted: String) -> FileError {
    FileError(.wrongType, path: file.path, "the array holds \(type.rawValue), not \(wanted): name another file")
  }
}

extension Float {
  /// The value of an IEEE 754 half-precision number, exactly.
  package init(halfBits bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let mantissa = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      let magnitude = Float(mantissa) * 0x1p-24
      self = sign == 0 ? magnitude : -magnitude
    case 31: self = Float(bitPattern: sign | 0x7F80_0000 | mantissa << 13)
    default: self = Float(bitPattern: sign | (exponent + 112) << 23 | mantissa << 13)
    }
  }
}
