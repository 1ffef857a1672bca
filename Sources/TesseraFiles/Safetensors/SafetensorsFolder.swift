import TesseraJSON
import TesseraSystem

/// The safetensors files of one model: `model.safetensors`, or the shards that `model.safetensors.index.json` names.
package struct SafetensorsFolder: Sendable {
  /// The most shards that an index may name.
  static let shardLimit = 4_096

  /// The open files, one or one a shard.
  package let files: [SafetensorsFile]
  /// The index that names the shards, where there are some.
  package let indexPath: String?
  private let places: [String: Int]

  /// Opens every file of the model in the folder at `path`.
  ///
  /// - Throws: `FileError` `.notFound` where the folder has no weights or a shard is missing, `.malformed` where the
  ///   index contradicts the shards.
  package init(path: String) throws(FileError) {
    // The order of `transformers`: the single file goes before an index.
    let single = path + "/model.safetensors"
    if FileDescriptor.exists(single) {
      let file = try SafetensorsFile(path: single)
      files = [file]
      indexPath = nil
      places = Dictionary(file.tensors.map { ($0.name, 0) }, uniquingKeysWith: { first, _ in first })
      return
    }
    let indexPath = path + "/model.safetensors.index.json"
    guard FileDescriptor.exists(indexPath) else {
      let hasPickle = ["pytorch_model.bin", "pytorch_model.bin.index.json"]
        .contains { FileDescriptor.exists(path + "/" + $0) }
      throw FileError(
        .notFound, path: path,
        "the folder has neither model.safetensors nor model.safetensors.index.json: "
          + (CTranslate2Checkpoint.isFolder(path)
            ? "model.bin is CTranslate2's: make a folder of it with `tessera convert`"
            : hasPickle
              ? "pytorch_model.bin is not read, since it may hold programs; save the model as safetensors"
              : "download the model's weights"))
    }
    (files, places) = try SafetensorsFolder.shards(indexPath: indexPath, folder: path)
    self.indexPath = indexPath
  }

  /// The tensor of that name and the file it lies in; nil where there is none.
  package func tensor(named name: String) -> (file: SafetensorsFile, tensor: SafetensorsTensor)? {
    guard let place = places[name], let tensor = files[place].tensor(named: name) else { return nil }
    return (files[place], tensor)
  }

  private static func shards(
    indexPath: String, folder: String
  ) throws(FileError) -> ([SafetensorsFile], [String: Int]) {
    let index = try JSONFields(path: indexPath)
    let map: [(key: String, value: JSONValue)]
    do {
      map = try index.fields("weight_map").object.members.map { ($0.key, $0.value) }
    } catch { throw FileError(error) }
    guard !map.isEmpty else {
      throw FileError(.malformed, path: indexPath, "'weight_map' names no tensor: download the index again")
    }
    var names: Set<String> = []
    for (tensor, value) in map {
      guard let name = value.stringValue, isPlainName(name) else {
        throw FileError(
          .malformed, path: indexPath,
          "the tensor \(FileError.quoted(tensor)) is not mapped to the name of a file in this folder: "
            + "download the index again")
      }
      names.insert(name)
    }
    guard names.count <= shardLimit else {
      throw FileError(.tooLarge, path: indexPath, "more than \(shardLimit) shards are named: check the index")
    }
    var files: [SafetensorsFile] = []
    var places: [String: Int] = [:]
    for name in names.sorted() {
      let shard = folder + "/" + name
      guard FileDescriptor.exists(shard) else {
        throw FileError(
          .notFound, path: shard, "this shard, which model.safetensors.index.json names, is missing: download it too")
      }
      let file = try SafetensorsFile(path: shard)
      for tensor in file.tensors {
        if let other = places.updateValue(files.count, forKey: tensor.name) {
          throw FileError(
            .malformed, path: shard,
            "the tensor \(FileError.quoted(tensor.name)) is in \(files[other].mappedFile.path) too: "
              + "the shards are not of one model, download them again")
        }
      }
      files.append(file)
    }
    for (tensor, value) in map {
      guard let place = places[tensor], files[place].mappedFile.path == folder + "/" + (value.stringValue ?? "") else {
        throw FileError(
          .malformed, path: indexPath,
          "the tensor \(FileError.quoted(tensor)) is not in \(FileError.quoted(value.stringValue ?? "")): "
            + "download both again")
      }
    }
    return (files, places)
  }

  /// Whether a name from an untrusted index stays inside its folder.
  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }
}
