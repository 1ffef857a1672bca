import TesseraSystem

/// Writes a GGUF file (version 3) front to back: header and metadata at once, then the bytes of one tensor after another.
///
/// The file appears at its path when `finish()` returns; a writer that is dropped before leaves nothing behind.
/// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
package final class GGUFFileWriter {
  /// The most bytes of a tensor's name, by which ggml's own reader goes.
  package static let nameByteLimit = 63

  /// The tensors, in the order in which their bytes are to be appended.
  package let tensors: [StoredTensor]
  /// Bytes that the file has when it is finished.
  package let byteCount: Int

  private let output: AtomicFile
  private let alignment: Int
  private var next = 0
  private var missing = 0

  /// Begins a file and writes all that describes it.
  ///
  /// - Parameter metadata: its keys are written in their order; `general.alignment` decides what tensors' places are
  ///   multiples of, 32 where it is absent.
  /// - Throws: `FileError` `.malformed` or `.tooLarge` for what a GGUF file cannot hold, `.isFolder`, `.notFound` or
  ///   `.system` where the file cannot be created.
  package init(path: String, metadata: Metadata, tensors: [StoredTensor]) throws(FileError) {
    let alignment = try GGUFFile.alignment(metadata)
    var header = GGUFEncoder()
    header.bytes += "GGUF".utf8
    header.append(UInt32(3))
    header.append(UInt64(tensors.count))
    header.append(UInt64(metadata.keys.count))
    for key in metadata.keys {
      guard let value = metadata[key], !key.isEmpty, key.utf8.count <= GGUFLimits.keyByteCount else { continue }
      header.append(key)
      header.append(value)
    }
    var names: Set<String> = []
    var end = 0
    for tensor in tensors {
      try GGUFFileWriter.check(tensor, path)
      guard names.insert(tensor.name).inserted else {
        throw FileError(.malformed, path: path, "two tensors have the name \(FileError.quoted(tensor.name))")
      }
      header.append(tensor.name)
      let dimensions = tensor.shape.isEmpty ? [1] : tensor.shape.reversed()
      header.append(UInt32(dimensions.count))
      for dimension in dimensions { header.append(UInt64(dimension)) }
      header.append(tensor.type.rawValue)
      header.append(UInt64(end))
      let (sum, overflow) = end.addingReportingOverflow(tensor.byteCount)
      guard !overflow, sum <= Int.max / 2 else {
        throw FileError(.tooLarge, path: path, "the tensors have more bytes than any file")
      }
      end = GGUFFileWriter.padded(sum, alignment)
    }
    header.bytes += [UInt8](
      repeating: 0, count: GGUFFileWriter.padded(header.bytes.count, alignment) - header.bytes.count)
    self.tensors = tensors
    self.alignment = alignment
    byteCount = header.bytes.count + end
    missing = tensors.first?.byteCount ?? 0
    output = try AtomicFile(path: path)
    try output.append(header.bytes)
  }

  /// Appends bytes of the tensor whose turn it is: all of them, or some rows, in their order.
  ///
  /// - Throws: `FileError` `.outOfRange` where they are more than the tensor lacks, `.system` where writing fails.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard bytes.count <= missing else {
      let name = next < tensors.count ? FileError.quoted(tensors[next].name) : "none"
      throw FileError(
        .outOfRange, path: output.path,
        "\(bytes.count) bytes are too many for the tensor \(name), which lacks \(missing)")
    }
    try output.append(bytes)
    missing -= bytes.count
    if missing == 0 { try endTensor() }
  }

  /// Appends bytes of the tensor whose turn it is.
  package func append(_ bytes: [UInt8]) throws(FileError) {
    let result = bytes.withUnsafeBytes { buffer in Result { () throws(FileError) in try append(buffer) } }
    try result.get()
  }

  /// Checks that every tensor is there, and puts the file in place.
  ///
  /// - Throws: `FileError` `.outOfRange` where bytes are missing, `.system` where writing fails.
  package func finish() throws(FileError) {
    guard next == tensors.count else {
      throw FileError(
        .outOfRange, path: output.path,
        "the tensor \(FileError.quoted(tensors[next].name)) lacks \(missing) bytes: nothing is written")
    }
    try output.commit()
  }

  private func endTensor() throws(FileError) {
    guard next < tensors.count else { return }
    let size = tensors[next].byteCount
    try output.append([UInt8](repeating: 0, count: GGUFFileWriter.padded(size, alignment) - size))
    next += 1
    missing = next < tensors.count ? tensors[next].byteCount : 0
  }

  private static func check(_ tensor: StoredTensor, _ path: String) throws(FileError) {
    let name = FileError.quoted(tensor.name)
    guard !tensor.name.isEmpty, tensor.name.utf8.count <= nameByteLimit else {
      throw FileError(
        .malformed, path: path,
        "the tensor \(name) has a name of \(tensor.name.utf8.count) bytes, not 1 to \(nameByteLimit)")
    }
    guard tensor.shape.count <= GGUFLimits.dimensionCount, tensor.byteCount > 0 else {
      throw FileError(
        .malformed, path: path,
        "the tensor \(name) has the shape \(tensor.shape), and up to \(GGUFLimits.dimensionCount) sizes of at least 1 fit"
      )
    }
  }

  /// No overflow: counts are at most half of `Int`, the alignment at most the header's limit.
  private static func padded(_ count: Int, _ alignment: Int) -> Int { (count + alignment - 1) & ~(alignment - 1) }
}

/// Bytes as a GGUF file has them.
struct GGUFEncoder {
  var bytes: [UInt8] = []

  mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ text: String) {
    append(UInt64(text.utf8.count))
    bytes += text.utf8
  }

  /// A value, behind its type.
  mutating func append(_ value: MetadataValue) {
    append(value.type.rawValue)
    switch value {
    case .uint8(let number): append(number)
    case .int8(let number): append(number)
    case .uint16(let number): append(number)
    case .int16(let number): append(number)
    case .uint32(let number): append(number)
    case .int32(let number): append(number)
    case .uint64(let number): append(number)
    case .int64(let number): append(number)
    case .float32(let number): append(number.bitPattern)
    case .float64(let number): append(number.bitPattern)
    case .bool(let flag): append(UInt8(flag ? 1 : 0))
    case .string(let text): append(text)
    case .array(let array): append(array)
    }
  }

  private mutating func append(_ array: MetadataArray) {
    append(array.elementType.rawValue)
    append(UInt64(array.count))
    switch array.storage {
    case .fixed(let offset):
      bytes += array.file.contents[offset..<offset + array.count * (array.elementType.byteCount ?? 0)]
    case .strings:
      for string in array.rawStrings ?? RawStrings(file: array.file, offset: 0, starts: [0]) {
        append(UInt64(string.count))
        bytes += string
      }
    case .arrays(let arrays):
      for array in arrays { append(array) }
    }
  }
}
