/// Arrays that are made up, for a model that is described or about to be written.
extension MetadataArray {
  /// An array of strings, by their bytes.
  package init(byteStrings: some Sequence<some Collection<UInt8>>) {
    var bytes: [UInt8] = []
    var starts: [UInt32] = []
    for string in byteStrings {
      starts.append(UInt32(truncatingIfNeeded: bytes.count))
      withUnsafeBytes(of: UInt64(string.count).littleEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: string)
    }
    starts.append(UInt32(truncatingIfNeeded: bytes.count))
    self.init(.string, count: starts.count - 1, bytes: bytes, storage: .strings(offset: 0, starts: starts))
  }

  /// An array of strings.
  package init(strings: some Sequence<String>) { self.init(byteStrings: strings.map(\.utf8)) }

  /// An array of 32-bit integers.
  package init(int32s: some Sequence<Int32>) {
    self.init(fixed: .int32, int32s.map { UInt32(bitPattern: $0) })
  }

  /// An array of float32.
  package init(floats: some Sequence<Float>) { self.init(fixed: .float32, floats.map(\.bitPattern)) }

  /// An array of bools.
  package init(bools: some Sequence<Bool>) { self.init(fixed: .bool, bools.map { UInt8($0 ? 1 : 0) }) }

  private init<Element: FixedWidthInteger>(fixed type: MetadataType, _ elements: [Element]) {
    var bytes: [UInt8] = []
    for element in elements { withUnsafeBytes(of: element.littleEndian) { bytes.append(contentsOf: $0) } }
    self.init(type, count: elements.count, bytes: bytes, storage: .fixed(offset: 0))
  }

  private init(_ type: MetadataType, count: Int, bytes: [UInt8], storage: Storage) {
    self.init(
      elementType: type, count: count, key: "", file: MappedFile(holding: bytes, named: "made-up metadata"),
      storage: storage)
  }
}
