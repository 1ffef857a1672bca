import TesseraSystem

/// A model's files: names, shapes and bytes of its tensors. The documents beside them (metadata, configuration,
/// tokenizer) differ by format: see `GGUFCheckpoint` and `HuggingFaceCheckpoint`.
///
/// Opening reads and checks what describes the tensors; no tensor's bytes are touched.
package protocol Checkpoint: Sendable {
  /// The file or folder, for messages.
  var path: String { get }
  /// All tensors; no two have one name.
  var tensors: [StoredTensor] { get }
  /// Tensors that are there but whose elements have a type that cannot be read, with that type's name.
  var unreadableTensors: [String: String] { get }
  /// Whether tensors have bytes: false for a model that is only described, whose weights are made up.
  var hasData: Bool { get }

  /// The tensor of that name; nil where there is none that can be read.
  func tensor(named name: String) -> StoredTensor?

  /// A tensor's bytes, row by row as they are stored, valid while the checkpoint lives.
  ///
  /// - Throws: `FileError` `.truncated` where the file has become shorter since it was opened, `.outOfRange` for a tensor
  ///   of another checkpoint or of one without data.
  func bytes(of tensor: StoredTensor) throws(FileError) -> UnsafeRawBufferPointer

  /// Calls `body` with the bytes of some rows, also of a tensor whose bytes lie in several places.
  ///
  /// - Throws: as `bytes(of:)`, and what `body` throws.
  func withRows(_ rows: StridedRows, of tensor: StoredTensor, _ body: (UnsafeRawBufferPointer) throws -> Void) throws

  /// Lets go of the physical memory behind a tensor's bytes, which stay readable from disk.
  func release(_ tensor: StoredTensor)
}

extension Checkpoint {
  package var unreadableTensors: [String: String] { [:] }

  package func withRows(
    _ rows: StridedRows, of tensor: StoredTensor, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try check(rows, of: tensor)
    try rows.withBytes(of: bytes(of: tensor), rowByteCount: tensor.rowByteCount, body)
  }

  /// Calls `body` with the bytes of rows that follow each other.
  package func withRows(
    _ rows: Range<Int>, of tensor: StoredTensor, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try withRows(StridedRows(rows), of: tensor, body)
  }

  func check(_ rows: StridedRows, of tensor: StoredTensor) throws(FileError) {
    guard rows.bounds.lowerBound >= 0, rows.bounds.upperBound <= tensor.rowCount else {
      throw FileError(
        .outOfRange, path: path,
        "rows \(rows) of the tensor \(FileError.quoted(tensor.name)): it has \(tensor.rowCount)")
    }
  }

  /// The tensor of that name.
  ///
  /// - Throws: `FileError` `.missingKey` where there is none, `.unsupportedType` where its type cannot be read.
  package func requiredTensor(named name: String) throws(FileError) -> StoredTensor {
    if let tensor = tensor(named: name) { return tensor }
    if let type = unreadableTensors[name] {
      throw FileError(
        .unsupportedType, path: path,
        "the tensor \(FileError.quoted(name)) has the type \(FileError.quoted(type)), which cannot be read: "
          + "get the model in BF16, F16 or F32")
    }
    throw FileError(
      .missingKey, path: path,
      "there is no tensor \(FileError.quoted(name)): the model is incomplete, or of a family made otherwise")
  }
}

/// Opens the model at a path: a GGUF file (for a model in parts the first of them), or a Hugging Face folder, which may
/// also be named by a file in it: its `config.json`, safetensors file or index.
///
/// - Throws: `FileError` with what is there, what was expected, or what is wrong with it.
package func openCheckpoint(path: String) throws(FileError) -> any Checkpoint {
  if FileDescriptor.isFolder(path) { return try HuggingFaceCheckpoint(path: path) }
  let name = path.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
  let isOfFolder =
    name == HuggingFaceDocument.config.rawValue || name.hasSuffix(".safetensors")
    || name.hasSuffix(".safetensors.index.json")
  guard isOfFolder, FileDescriptor.exists(path) else { return try GGUFCheckpoint(path: path) }
  // A path without a folder is of the current one.
  let folder = String(path.dropLast(name.count))
  let model = try HuggingFaceCheckpoint(
    path: folder.isEmpty ? "." : folder.count > 1 ? String(folder.dropLast()) : folder)
  // An adapter, or a copy beside the model's own weights, is not what would be loaded.
  let loaded = model.weights.files.map { $0.mappedFile.path } + [model.weights.indexPath].compactMap { $0 }
  guard name == HuggingFaceDocument.config.rawValue || loaded.contains(model.path + "/" + name) else {
    throw FileError(
      .notFound, path: path,
      "this is none of the files that the model is loaded from, such as \(loaded.first ?? ""): name the folder, or put the "
        + "file into a folder of its own with the model's documents")
  }
  return model
}
