/// Where a tensor lies in a safetensors file and how it is stored.
package struct SafetensorsTensor: Sendable, Equatable {
  /// The tensor's name, such as `model.layers.0.self_attn.q_proj.weight`.
  package let name: String
  /// The element type.
  package let type: SafetensorsType
  /// The sizes in row-major order, slowest first; empty for a scalar, and a size may be 0.
  package let shape: [Int]
  /// The product of the shape.
  package let elementCount: Int
  /// Bytes that the tensor takes in the file.
  package let byteCount: Int
  /// Where its bytes begin, counted from the start of the file.
  package let fileOffset: Int
}

/// A safetensors file, memory-mapped. Opening reads and checks the header; no tensor's bytes are touched.
///
/// Source: https://github.com/huggingface/safetensors#format
package struct SafetensorsFile: Sendable {
  /// The most bytes that a header may have, as in the reference implementation.
  package static let headerByteLimit = 100_000_000

  /// The tensors in the order of their bytes.
  package let tensors: [SafetensorsTensor]
  /// The free-form strings of `__metadata__`.
  package let metadata: [String: String]
  /// The mapped file, which the tensors' bytes point into.
  package let mappedFile: MappedFile

  private let indexes: [String: Int]

  /// Opens and checks the file at `path`.
  ///
  /// - Throws: `FileError` for whatever is wrong with it; see `FileError.Code`.
  package init(path: String) throws(FileError) {
    let file = try MappedFile(path: path)
    let header = try SafetensorsHeader(file)
    self.tensors = header.tensors
    self.metadata = header.metadata
    self.mappedFile = file
    self.indexes = Dictionary(
      header.tensors.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  /// The tensor of that name; nil where there is none.
  package func tensor(named name: String) -> SafetensorsTensor? {
    indexes[name].map { tensors[$0] }
  }

  /// A tensor's bytes, valid while `mappedFile` lives.
  ///
  /// - Throws: `FileError` `.truncated` where the file has become shorter since it was opened.
  package func bytes(of tensor: SafetensorsTensor) throws(FileError) -> UnsafeRawBufferPointer {
    try mappedFile.bytes(at: tensor.fileOffset, count: tensor.byteCount)
  }

  /// Lets go of the physical memory behind a tensor's bytes, which stay readable from disk.
  package func release(_ tensor: SafetensorsTensor) {
    mappedFile.release(offset: tensor.fileOffset, count: tensor.byteCount)
  }
}
