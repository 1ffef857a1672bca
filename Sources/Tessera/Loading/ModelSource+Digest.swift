import Foundation
import TesseraCL
import TesseraFiles
import TesseraSystem

extension ModelSource {
  /// SHA-256 that names the model by what is in its files, wherever they lie.
  ///
  /// The first time every byte is read. The cache folder then knows it for as long as the files are the same ones and unchanged.
  ///
  /// - Throws: `FileError` where a file cannot be read.
  package func digest() throws(FileError) -> Fingerprint {
    var builder = FingerprintBuilder()
    builder.append("tessera model 1")
    switch checkpoint {
    case let file as GGUFCheckpoint:
      for part in file.files { builder.append(try Self.digest(part.mappedFile.path).hexadecimal) }
    case let folder as HuggingFaceCheckpoint:
      let config = folder.path + "/" + HuggingFaceDocument.config.rawValue
      for path in [config] + folder.weights.files.map(\.mappedFile.path) {
        builder.append(try Self.digest(path).hexadecimal)
      }
    default:
      // Made up: the description and the seed are all.
      builder.append("\(checkpoint.path) \(seed)")
      for tensor in checkpoint.tensors { builder.append("\(tensor.name) \(tensor.shape) \(tensor.type.name)") }
    }
    return builder.finish()
  }

  /// A file's fingerprint, as the cache folder has it or made now.
  private static func digest(_ path: String) throws(FileError) -> Fingerprint {
    let status = try FileDescriptor.openForReading(path).status()
    var name = FingerprintBuilder()
    for number in [Int(status.st_dev), Int(status.st_ino), Int(status.st_size)] { name.append(number) }
    for time in [status.st_mtim, status.st_ctim] {
      name.append(Int(time.tv_sec))
      name.append(Int(time.tv_nsec))
    }
    let folder = CacheFolder.url.appendingPathComponent("digests")
    let known = folder.appendingPathComponent(name.finish().hexadecimal)
    if let bytes = CacheFile.read(known, limit: 64), let digest = Fingerprint(digest: bytes) { return digest }
    let digest = try Fingerprint(ofFileAt: path)
    // What was changed just now could be changed again without another time.
    if Date().timeIntervalSince1970 - Double(status.st_mtim.tv_sec) > 2 {
      try? FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      _ = CacheFile.write(digest.bytes, to: known)
    }
    return digest
  }
}
