import TesseraJSON

/// A model folder as the Hugging Face Hub lays it out: `config.json`, safetensors files and a tokenizer.
public struct HuggingFaceFolder: Sendable {
  /// The folder.
  public let path: String
  /// The contents of `config.json`.
  public let config: JSONFields

  /// Opens a folder and reads its `config.json`.
  ///
  /// - Throws: `FileError` `.notFound` where there is no folder or no `config.json`, or as JSON reading does.
  public init(path: String) throws(FileError) {
    self.path = path
    let configPath = path + "/config.json"
    guard FileDescriptor.exists(configPath) else {
      throw FileError(.notFound, path: path, "the folder has no config.json: name a Hugging Face model folder")
    }
    config = try JSONFields(path: configPath)
  }

  /// Whether `path` is a folder with a `config.json`.
  public static func isModelFolder(_ path: String) -> Bool { FileDescriptor.exists(path + "/config.json") }

  /// The values of `model_type`, such as `llama`.
  public func modelType() throws(FileError) -> String {
    do { return try config.string("model_type") } catch { throw FileError(error) }
  }

  /// Opens the weights.
  public func weights() throws(FileError) -> SafetensorsFolder { try SafetensorsFolder(path: path) }

  /// The contents of a JSON file of this folder, such as `tokenizer.json`; nil where there is none.
  public func optionalJSON(_ name: String) throws(FileError) -> JSONFields? {
    let file = path + "/" + name
    return FileDescriptor.exists(file) ? try JSONFields(path: file) : nil
  }
}
