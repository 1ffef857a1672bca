import TesseraJSON

/// The safetensors files of one model: `model.safetensors`, or the shards that `model.safetensors.index.json` names.
public struct SafetensorsFolder: Sendable {
  /// The most shards that an index may name.
  static let shardLimit = 4_096

  /// The open files, one or one a shard.
  public let files: [SafetensorsFile]
  private let places: [String: Int]

  /// Opens every file of the model in the folder at `path`.
  ///
  /// - Throws: `FileError` `.notFound` where the folder has no weights or a shard is missing, `.malformed` where the
  ///   index contradicts the shards.
  public init(path: String) throws(FileError) {
    let indexPath = path + "/model.safetensors.index.json"
    if FileDescriptor.exists(indexPath) {
      (files, places) = try SafetensorsFolder.shards(indexPath: indexPath, folder: path)
      return
    }
    let single = path + "/model.safetensors"
    guard FileDescriptor.exists(single) else {
      throw FileError(
        .notFound, path: path,
        "the folder has neither model.safetensors nor model.safetensors.index.json: download the model's weights")
    }
    let file = try SafetensorsFile(path: single)
    files = [file]
    places = Dictionary(file.tensors.map { ($0.name, 0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The names of all tensors, sorted.
  public var tensorNames: [String] { places.keys.sorted() }

  /// The tensor of that name and the file it lies in; nil where there is none.
  public func tensor(named name: String) -> (file: SafetensorsFile, tensor: SafetensorsTensor)? {
    guard let place = places[name], let tensor = files[place].tensor(named: name) else { return nil }
    return (files[place], tensor)
  }

  private static func shards(
    indexPath: String, folder: String
  ) throws(FileError) -> ([SafetensorsFile], [String: Int]) {
    let index = try JSONFields(path: indexPath)
    let map: JSONObject
    do { map = try index.fields("weight_map").object } catch { throw FileError(error) }
    var files: [SafetensorsFile] = []
    var indexes: [String: Int] = [:]
    var places: [String: Int] = [:]
    for (name, value) in map.members.sorted(by: { $0.key < $1.key }) {
      guard let fileName = value.stringValue, isPlainName(fileName) else {
        throw FileError(
          .malformed, path: indexPath,
          "the tensor \(FileError.quoted(name)) is not mapped to the name of a file in this folder: "
            + "download the index again")
      }
      if indexes[fileName] == nil {
        guard files.count < shardLimit else {
          throw FileError(.tooLarge, path: indexPath, "more than \(shardLimit) shards are named: check the index")
        }
        files.append(try SafetensorsFile(path: folder + "/" + fileName))
        indexes[fileName] = files.count - 1
      }
      guard let index = indexes[fileName], files[index].tensor(named: name) != nil else {
        throw FileError(
          .malformed, path: indexPath,
          "the tensor \(FileError.quoted(name)) is not in \(FileError.quoted(fileName)): download both again")
      }
      places[name] = index
    }
    return (files, places)
  }

  /// Whether a name from an untrusted index stays inside its folder.
  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }
}
