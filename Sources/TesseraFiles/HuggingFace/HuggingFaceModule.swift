import TesseraJSON
import TesseraSystem

/// A step of `sentence-transformers` that has a folder of its own inside a model's: a configuration, and weights.
package struct HuggingFaceModule: Sendable {
  package let path: String

  /// - Parameter name: the folder's, as `modules.json` has it.
  /// - Throws: `FileError` for one that leads out of the model's folder.
  package init(_ name: String, of folder: HuggingFaceCheckpoint) throws(FileError) {
    guard !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
      throw FileError(
        .malformed, path: folder.path(of: .modules), "the path \(FileError.quoted(name)) leads out of the folder")
    }
    path = name.isEmpty ? folder.path : folder.path + "/" + name
  }

  /// Its configuration; nil where it has none.
  package func config() throws(FileError) -> JSONFields? {
    let file = path + "/config.json"
    return FileDescriptor.exists(file) ? try JSONFields(path: file) : nil
  }

  /// The weights' file.
  package func weights() throws(FileError) -> SafetensorsFile { try SafetensorsFile(path: path + "/model.safetensors") }
}
