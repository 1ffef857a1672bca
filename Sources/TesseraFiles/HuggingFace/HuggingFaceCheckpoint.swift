import TesseraJSON
import TesseraSystem

/// A model folder as the Hugging Face Hub lays it out: `config.json`, safetensors files, a tokenizer.
///
/// Documents are read when they are asked for, except for `config.json`.
package struct HuggingFaceCheckpoint: Checkpoint {
  /// The most bytes of a document that is text.
  static let textByteLimit = 4 << 20

  package let path: String
  package let tensors: [StoredTensor]
  package let unreadableTensors: [String: String]
  /// The contents of `config.json`.
  package let config: JSONFields
  private let configFile: OpenFile?
  /// The files that make the model: `config.json` and the weights, as they were opened.
  package var files: [OpenFile] { ([configFile] + weights.files.map(\.mappedFile.file)).compactMap { $0 } }
  /// The weights' files.
  package let weights: SafetensorsFolder

  private let indexes: [String: Int]
  /// Tensors that lie in two, by their names.
  private let pairs: [String: BlocksAndScales]

  /// Opens a folder: reads `config.json` and the headers of the weights' files.
  ///
  /// - Throws: `FileError` `.notFound` where there is no folder, no `config.json`, no weights or a shard is missing;
  ///   others for what is wrong with them.
  package init(path: String) throws(FileError) {
    self.path = path
    guard FileDescriptor.exists(path) else {
      throw FileError(.notFound, path: path, "no such file or folder: check the path")
    }
    guard FileDescriptor.exists(path + "/" + HuggingFaceDocument.config.rawValue) else {
      throw FileError(
        .notFound, path: path,
        "the folder has no config.json: name a Hugging Face model folder, or a GGUF file by its own path")
    }
    let file = try MappedFile(path: path + "/" + HuggingFaceDocument.config.rawValue)
    (config, configFile) = (try JSONFields(of: file), file.file)
    weights = try SafetensorsFolder(path: path)
    var tensors: [StoredTensor] = []
    var unreadable: [String: String] = [:]
    var bytes: [StoredTensor] = []
    for (part, file) in weights.files.enumerated() {
      let own = file.storedTensors(part: part)
      tensors += own.readable
      unreadable.merge(own.unreadable) { old, _ in old }
      bytes += own.bytes
    }
    let names = Set(tensors.map(\.name))
    let pairs = BlocksAndScales.all(bytes).filter { !names.contains($0.tensor.name) }
    for pair in pairs {
      tensors.append(pair.tensor)
      for tensor in [pair.blocks, pair.scales] { unreadable[tensor.name] = nil }
    }
    self.pairs = Dictionary(pairs.map { ($0.tensor.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.tensors = tensors
    unreadableTensors = unreadable
    indexes = Dictionary(tensors.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { old, _ in old })
  }

  package var hasData: Bool { true }

  package func tensor(named name: String) -> StoredTensor? { indexes[name].map { tensors[$0] } }

  package func bytes(of tensor: StoredTensor) throws(FileError) -> UnsafeRawBufferPointer {
    guard weights.files.indices.contains(tensor.part), pairs[tensor.name] == nil else {
      throw FileError(
        .outOfRange, path: path,
        "the tensor \(FileError.quoted(tensor.name)) is of another model, or lies in two places")
    }
    return try weights.files[tensor.part].mappedFile.bytes(at: tensor.offset, count: tensor.byteCount)
  }

  package func withRows(
    _ rows: StridedRows, of tensor: StoredTensor, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try check(rows, of: tensor)
    guard let pair = pairs[tensor.name] else {
      return try rows.withBytes(of: bytes(of: tensor), rowByteCount: tensor.rowByteCount, body)
    }
    try pair.rows(rows, blocks: bytes(of: pair.blocks), scales: bytes(of: pair.scales)).withUnsafeBytes(body)
  }

  package func release(_ tensor: StoredTensor) {
    if let pair = pairs[tensor.name] { return [pair.blocks, pair.scales].forEach(release) }
    guard weights.files.indices.contains(tensor.part) else { return }
    weights.files[tensor.part].mappedFile.release(offset: tensor.offset, count: tensor.byteCount)
  }

  /// The path of a document, whether or not it is there.
  package func path(of document: HuggingFaceDocument) -> String { path + "/" + document.rawValue }

  /// Whether the folder has a document.
  package func has(_ document: HuggingFaceDocument) -> Bool { FileDescriptor.exists(path(of: document)) }

  /// A document's value; nil where there is no such document.
  ///
  /// - Throws: `FileError` where it cannot be read or is not JSON.
  package func json(_ document: HuggingFaceDocument) throws(FileError) -> JSONValue? {
    // `nil` would be JSON's null.
    guard has(document) else { return Optional.none }
    return try JSONValue(path: path(of: document))
  }

  /// A document that is a JSON object; nil where there is no such document.
  ///
  /// - Throws: `FileError` where it cannot be read or is not a JSON object.
  package func object(_ document: HuggingFaceDocument) throws(FileError) -> JSONFields? {
    has(document) ? try JSONFields(path: path(of: document)) : nil
  }

  /// A document's file; nil where there is no such document.
  ///
  /// - Throws: `FileError` where it cannot be opened, or is empty.
  package func file(_ document: HuggingFaceDocument) throws(FileError) -> MappedFile? {
    has(document) ? try MappedFile(path: path(of: document)) : nil
  }

  /// A document's bytes; nil where there is no such document.
  ///
  /// - Throws: `FileError` where it cannot be read, is empty, or has more than 256 MiB.
  package func bytes(_ document: HuggingFaceDocument) throws(FileError) -> [UInt8]? {
    guard let file = try file(document) else { return nil }
    defer { withExtendedLifetime(file) {} }
    guard file.byteCount <= 256 << 20 else {
      throw FileError(.tooLarge, path: file.path, "the file has \(file.byteCount) bytes, and 256 MiB are the most")
    }
    return Array(try file.bytes(at: 0, count: file.byteCount))
  }

  /// A document that is text, such as the chat template; nil where there is no such document.
  ///
  /// - Throws: `FileError` where it cannot be read, is not UTF-8, or has more than 4 MiB.
  package func text(_ document: HuggingFaceDocument) throws(FileError) -> String? {
    guard let file = try file(document) else { return nil }
    defer { withExtendedLifetime(file) {} }
    guard file.byteCount <= Self.textByteLimit else {
      throw FileError(
        .tooLarge, path: file.path, "the file has \(file.byteCount) bytes, and \(Self.textByteLimit) are the most")
    }
    guard let text = String(validating: try file.bytes(at: 0, count: file.byteCount), as: UTF8.self) else {
      throw FileError(.malformed, path: file.path, "the file is not UTF-8 text: download it again")
    }
    return text
  }
}
