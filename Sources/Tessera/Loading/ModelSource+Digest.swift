import Foundation
import TesseraCL
import TesseraFiles
import TesseraModels
import TesseraSystem

extension ModelSource {
  /// SHA-256 that names the model by what is in its files, wherever they lie.
  ///
  /// The first time every byte is read. The cache folder then knows it for as long as the files are the same ones and unchanged.
  ///
  /// - Throws: as `ModelContents.digest`.
  package func digest() throws(FileError) -> Fingerprint { try contents.digest() }

  /// What is in the files, to be named now or later.
  var contents: ModelContents {
    switch checkpoint {
    case let file as GGUFCheckpoint: ModelContents(files: file.files.compactMap(\.mappedFile.file))
    case let folder as HuggingFaceCheckpoint: ModelContents(files: folder.files)
    default:
      // Made up: the description and the seed are all.
      ModelContents(
        description: ["\(checkpoint.path) \(seed)"]
          + checkpoint.tensors.map { "\($0.name) \($0.shape) \($0.type.name)" })
    }
  }
}

/// What a model is loaded from. Files stay open: others may take their paths.
struct ModelContents: Sendable {
  var files: [OpenFile] = []
  /// Of a model without files.
  var description: [String] = []

  /// SHA-256 that names what is in the files.
  ///
  /// - Throws: `FileError` where a file cannot be read, or was changed since it was opened.
  func digest() throws(FileError) -> Fingerprint {
    var builder = FingerprintBuilder()
    builder.append("tessera model 1")
    for file in files { builder.append(try Self.digest(file).hexadecimal) }
    for line in description { builder.append(line) }
    return builder.finish()
  }

  /// A file's fingerprint, as the cache folder has it or made now.
  private static func digest(_ file: OpenFile) throws(FileError) -> Fingerprint {
    let status = try file.status()
    var name = FingerprintBuilder()
    for number in [Int(status.st_dev), Int(status.st_ino), Int(status.st_size)] { name.append(number) }
    for time in [status.st_mtim, status.st_ctim] {
      name.append(Int(time.tv_sec))
      name.append(Int(time.tv_nsec))
    }
    let folder = CacheFolder.url.appendingPathComponent("digests")
    let known = folder.appendingPathComponent(name.finish().hexadecimal)
    if let bytes = CacheFile.read(known, limit: 64), let digest = Fingerprint(digest: bytes) { return digest }
    let digest = try file.fingerprint()
    // What was changed just now could be changed again without another time.
    if Date().timeIntervalSince1970 - Double(status.st_mtim.tv_sec) > 2 {
      try? FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      _ = CacheFile.write(digest.bytes, to: known)
    }
    return digest
  }
}

extension Adapter {
  /// SHA-256 of what is in the adapter's files, as they were opened.
  ///
  /// - Throws: `FileError` where a file cannot be read, or was changed since it was opened.
  func digest() throws(FileError) -> Fingerprint {
    var builder = FingerprintBuilder()
    for file in files { builder.append(try file.fingerprint().hexadecimal) }
    return builder.finish()
  }
}
