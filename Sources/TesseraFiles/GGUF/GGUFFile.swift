import TesseraSystem

/// A GGUF model file (versions 2 and 3, little-endian), memory-mapped.
///
/// Opening reads the metadata and the tensor descriptions and checks them all; no tensor's bytes are touched.
/// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
package struct GGUFFile: Sendable {
  /// The version of the format: 2 or 3.
  package let version: Int
  /// The keys and values.
  package let metadata: Metadata
  /// The tensors, in the file's order.
  package let tensors: [TensorInfo]
  /// The alignment of every tensor's offset, in bytes: a power of two.
  package let alignment: Int
  /// The mapped file, which the metadata's arrays and the tensors' bytes point into.
  package let mappedFile: MappedFile

  private let indexes: [String: Int]

  /// Opens and checks the file at `path`.
  ///
  /// - Throws: `FileError` for whatever is wrong with it; see `FileError.Code`.
  package init(path: String) throws(FileError) {
    try self.init(MappedFile(path: path))
  }

  /// Reads the header of a mapped file.
  package init(_ file: MappedFile) throws(FileError) {
    var cursor = GGUFCursor(file: file)
    let version = try cursor.versionAfterMagic()
    // A tensor's description takes at least a name's length and byte, a dimension count, a dimension, type and offset.
    let tensorCount = try cursor.count(of: 33, limit: GGUFLimits.tensorCount, "the number of tensors")
    // A key takes at least its length and byte, a type and a byte of value.
    let keyCount = try cursor.count(of: 14, limit: GGUFLimits.metadataCount, "the number of metadata keys")
    let metadata = try cursor.metadata(count: keyCount)
    let alignment = try GGUFFile.alignment(metadata)
    let tensors = try cursor.tensors(count: tensorCount, alignment: alignment)
    self.version = version
    self.metadata = metadata
    self.alignment = alignment
    self.tensors = tensors
    self.mappedFile = file
    self.indexes = Dictionary(
      tensors.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  /// The tensor of that name; nil where there is none.
  package func tensor(named name: String) -> TensorInfo? {
    indexes[name].map { tensors[$0] }
  }

  /// The tensor of that name.
  ///
  /// - Throws: `FileError` `.missingKey` where there is none.
  package func requiredTensor(named name: String) throws(FileError) -> TensorInfo {
    guard let tensor = tensor(named: name) else {
      throw FileError(
        .missingKey, path: mappedFile.path,
        "there is no tensor \(FileError.quoted(name)): the file is incomplete, or of a family made otherwise")
    }
    return tensor
  }

  /// A tensor's bytes, valid while `mappedFile` lives.
  ///
  /// - Throws: `FileError` `.truncated` where the file has become shorter since it was opened.
  package func bytes(of tensor: TensorInfo) throws(FileError) -> UnsafeRawBufferPointer {
    try mappedFile.bytes(at: tensor.fileOffset, count: tensor.byteCount)
  }

  /// Lets go of the physical memory behind a tensor's bytes, which stay readable from disk.
  package func release(_ tensor: TensorInfo) {
    mappedFile.release(offset: tensor.fileOffset, count: tensor.byteCount)
  }

  static func alignment(_ metadata: Metadata) throws(FileError) -> Int {
    guard let alignment = try metadata.optionalInt("general.alignment") else { return 32 }
    // Below 8, values would not be aligned; the format asks for multiples of 8. Above, padding alone fills the file.
    guard (8...GGUFLimits.headerByteCount).contains(alignment), alignment & (alignment - 1) == 0 else {
      throw FileError(
        .malformed, path: metadata.path,
        "the metadata key 'general.alignment' is \(alignment), not a power of two of at least 8: "
          + "the file is damaged, download it again")
    }
    return alignment
  }
}
