#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

import TesseraSystem

/// A file that stays open, so that it can be told what was in it, whatever is at its path by then.
package final class OpenFile: Sendable {
  /// The path that was opened.
  package let path: String
  /// The size in bytes when it was opened.
  package let byteCount: Int

  let descriptor: FileDescriptor
  /// When the file was changed last, as it was opened: seconds and nanoseconds.
  private let modified: [Int]

  /// - Throws: as `FileDescriptor.openForReading`.
  init(path: String) throws(FileError) {
    let descriptor = try FileDescriptor.openForReading(path)
    let status = try descriptor.status()
    (self.path, byteCount, modified) = (path, Int(status.st_size), Self.modified(status))
    self.descriptor = descriptor
  }

  private static func modified(_ status: stat) -> [Int] {
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    return [Int(time.tv_sec), Int(time.tv_nsec)]
  }

  /// What the system says of the file that was opened.
  ///
  /// - Throws: `FileError` `.malformed` where the file was changed since, so that it tells no more what was read.
  package func status() throws(FileError) -> stat {
    let status = try descriptor.status()
    guard Int(status.st_size) == byteCount, Self.modified(status) == modified else {
      throw FileError(.malformed, path: path, "the file was changed since it was opened: load the model again")
    }
    return status
  }

  /// A fingerprint of the file's contents, read to their end.
  ///
  /// - Throws: as `status` and `FileDescriptor.fingerprint`.
  package func fingerprint() throws(FileError) -> Fingerprint {
    let fingerprint = try descriptor.fingerprint()
    // Also while it was read.
    _ = try status()
    return fingerprint
  }
}
