import TesseraSystem

/// A model in one GGUF file, or in several that llama.cpp's `gguf-split` names `…-00001-of-0000N.gguf`.
///
/// A model in parts is opened by the first, which has all metadata; each part has tensors of its own.
/// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and `tools/gguf-split` of llama.cpp.
package struct GGUFCheckpoint: Checkpoint {
  /// The most parts that a model may have; the number is five digits wide.
  static let partLimit = 4_096

  package let path: String
  package let tensors: [StoredTensor]
  /// The keys and values: of the first part, where there are several.
  package let metadata: Metadata
  /// The files, one or one a part.
  package let files: [GGUFFile]

  private let indexes: [String: Int]

  /// Opens and checks the file at `path` and, if it is the first part of several, all others.
  ///
  /// - Throws: `FileError` for whatever is wrong with them; parts that are missing, or of another model, are named.
  package init(path: String) throws(FileError) {
    let first = try GGUFFile(path: path)
    var files = [first]
    if let split = try GGUFSplit(first) {
      for number in 1..<max(split.count, 1) { files.append(try split.part(number)) }
    }
    var tensors: [StoredTensor] = []
    var indexes: [String: Int] = [:]
    for (part, file) in files.enumerated() {
      for info in file.tensors {
        if let other = indexes.updateValue(tensors.count, forKey: info.name) {
          throw FileError(
            .malformed, path: file.mappedFile.path,
            "the tensor \(FileError.quoted(info.name)) is in \(files[tensors[other].part].mappedFile.path) too: "
              + "the parts are not of one model, download them again")
        }
        tensors.append(StoredTensor(info, part: part))
      }
    }
    if let total = try first.metadata.optionalInt(GGUFSplit.tensorCountKey), files.count > 1, total != tensors.count {
      throw FileError(
        .malformed, path: path,
        "the \(files.count) parts have \(tensors.count) tensors, and the first announces \(total) "
          + "('\(GGUFSplit.tensorCountKey)'): they are not of one model, download them again")
    }
    self.path = path
    self.files = files
    self.tensors = tensors
    self.metadata = first.metadata
    self.indexes = indexes
  }

  package var hasData: Bool { true }

  package func tensor(named name: String) -> StoredTensor? { indexes[name].map { tensors[$0] } }

  package func bytes(of tensor: StoredTensor) throws(FileError) -> UnsafeRawBufferPointer {
    guard files.indices.contains(tensor.part) else {
      throw FileError(.outOfRange, path: path, "the tensor \(FileError.quoted(tensor.name)) is of another model")
    }
    return try files[tensor.part].mappedFile.bytes(at: tensor.offset, count: tensor.byteCount)
  }

  package func release(_ tensor: StoredTensor) {
    guard files.indices.contains(tensor.part) else { return }
    files[tensor.part].mappedFile.release(offset: tensor.offset, count: tensor.byteCount)
  }
}
