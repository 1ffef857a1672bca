import TesseraJSON
import TesseraSystem

/// A folder of PEFT's: what was trained beside a model (`adapter_config.json`), and its tensors.
package struct AdapterFolder: Checkpoint {
  private static let configName = "adapter_config.json"
  private static let weightsName = "adapter_model.safetensors"

  package let path: String
  package let tensors: [StoredTensor]
  package let unreadableTensors: [String: String]
  /// The contents of `adapter_config.json`.
  package let config: JSONFields

  private let configFile: OpenFile?
  /// The files that make the adapter, as they were opened.
  package var files: [OpenFile] { [configFile, weights.mappedFile.file].compactMap { $0 } }
  private let weights: SafetensorsFile
  private let indexes: [String: Int]

  /// Whether a path is that of such a folder, and of no model.
  package static func isThere(_ path: String) -> Bool {
    FileDescriptor.exists(path + "/" + configName)
      && !FileDescriptor.exists(path + "/" + HuggingFaceDocument.config.rawValue)
  }

  /// Whether a path is that of any folder: adapters are such folders, or GGUF files.
  package static func isFolder(_ path: String) -> Bool { FileDescriptor.isFolder(path) }

  /// - Throws: `FileError` where a file is missing, or for what is wrong with it.
  package init(path: String) throws(FileError) {
    self.path = path
    for name in [Self.configName, Self.weightsName] where !FileDescriptor.exists(path + "/" + name) {
      throw FileError(
        .notFound, path: path,
        "the folder has no \(name): name the folder that PEFT has saved an adapter to, or an adapter's GGUF file")
    }
    let file = try MappedFile(path: path + "/" + Self.configName)
    (config, configFile) = (try JSONFields(of: file), file.file)
    weights = try SafetensorsFile(path: path + "/" + Self.weightsName)
    (tensors, _, unreadableTensors) = weights.storedTensors(part: 0)
    indexes = Dictionary(tensors.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { old, _ in old })
  }

  package var hasData: Bool { true }

  package func tensor(named name: String) -> StoredTensor? { indexes[name].map { tensors[$0] } }

  package func bytes(of tensor: StoredTensor) throws(FileError) -> UnsafeRawBufferPointer {
    try weights.mappedFile.bytes(at: tensor.offset, count: tensor.byteCount)
  }

  package func release(_ tensor: StoredTensor) {
    weights.mappedFile.release(offset: tensor.offset, count: tensor.byteCount)
  }
}

extension SafetensorsFile {
  /// The tensors as a checkpoint has them, and those whose types cannot be read, with the types' names.
  func storedTensors(
    part: Int
  ) -> (readable: [StoredTensor], bytes: [StoredTensor], unreadable: [String: String]) {
    var (readable, bytes): ([StoredTensor], [StoredTensor]) = ([], [])
    var unreadable: [String: String] = [:]
    for tensor in tensors {
      let type = tensor.type.ggmlType
      let stored = StoredTensor(
        name: tensor.name, type: type ?? .i8, shape: tensor.shape, elementCount: tensor.elementCount,
        byteCount: tensor.byteCount, part: part, offset: tensor.fileOffset)
      if type != nil { readable.append(stored) } else { unreadable[tensor.name] = tensor.type.rawValue }
      if tensor.type == .u8 { bytes.append(stored) }
    }
    return (readable, bytes, unreadable)
  }
}
