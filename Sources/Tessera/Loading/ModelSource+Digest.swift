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
  package func digest() throws(FileError) -> Fingerprint { try contents().digest() }

  /// What is in the files, to be named now or later.
  ///
  /// - Throws: `FileError` where a file is not there any more.
  func contents() throws(FileError) -> ModelContents {
    var contents = ModelContents()
    switch checkpoint {
    case let file as GGUFCheckpoint:
      for part in file.files { try contents.add(part.mappedFile) }
    case let folder as HuggingFaceCheckpoint:
      try contents.add(path: folder.path + "/" + HuggingFaceDocument.config.rawValue)
      for file in folder.weights.files { try contents.add(file.mappedFile) }
    default:
      // Made up: the description and the seed are all.
      contents.description = ["\(checkpoint.path) \(seed)"]
      contents.description += checkpoint.tensors.map { "\($0.name) \($0.shape) \($0.type.name)" }
    }
    return contents
  }
}

/// The files of a model as they were when it was opened.
struct ModelContents: Sendable {
  private struct File {
    var path: String
    /// Tells the file from another one at its path, and from itself once it was changed.
    var state: Fingerprint
    var modified: Double
  }

  private var files: [File] = []
  /// Of a model without files.
  fileprivate var description: [String] = []

  fileprivate mutating func add(_ file: MappedFile) throws(FileError) {
    guard let status = try file.status() else { return }
    files.append(Self.file(file.path, status))
  }

  fileprivate mutating func add(path: String) throws(FileError) {
    files.append(Self.file(path, try FileDescriptor.openForReading(path).status()))
  }

  private static func file(_ path: String, _ status: stat) -> File {
    var name = FingerprintBuilder()
    for number in [Int(status.st_dev), Int(status.st_ino), Int(status.st_size)] { name.append(number) }
    for time in [status.st_mtim, status.st_ctim] {
      name.append(Int(time.tv_sec))
      name.append(Int(time.tv_nsec))
    }
    return File(path: path, state: name.finish(), modified: Double(status.st_mtim.tv_sec))
  }

  /// SHA-256 that names what is in the files.
  ///
  /// - Throws: `FileError` where a file cannot be read, or is another one than it was.
  func digest() throws(FileError) -> Fingerprint {
    var builder = FingerprintBuilder()
    builder.append("tessera model 1")
    for file in files { builder.append(try Self.digest(file).hexadecimal) }
    for line in description { builder.append(line) }
    return builder.finish()
  }

  /// A file's fingerprint, as the cache folder has it or made now.
  private static func digest(_ file: File) throws(FileError) -> Fingerprint {
    let folder = CacheFolder.url.appendingPathComponent("digests")
    let known = folder.appendingPathComponent(file.state.hexadecimal)
    if let bytes = CacheFile.read(known, limit: 64), let digest = Fingerprint(digest: bytes) { return digest }
    let digest = try Fingerprint(ofFileAt: file.path)
    // Also while it was read.
    guard Self.file(file.path, try FileDescriptor.openForReading(file.path).status()).state == file.state else {
      throw FileError(
        .malformed, path: file.path, "the file is not the one that was loaded any more: load the model again")
    }
    // What was changed just now could be changed again without another time.
    if Date().timeIntervalSince1970 - file.modified > 2 {
      try? FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      _ = CacheFile.write(digest.bytes, to: known)
    }
    return digest
  }
}
