import Foundation
import TesseraSystem

/// Whole files of a cache, read with suspicion and written in one step. Every failure costs the cache only.
package enum CacheFile {
  /// The bytes of a regular file, not a link, that the user or root owns and no other may write: compiled programs run
  /// as they are, so those that someone else could have put there are not read.
  ///
  /// - Returns: nil for any other file, and for one of more than `limit` bytes.
  package static func read(_ url: URL, limit: Int) -> [UInt8]? {
    // O_NONBLOCK: a pipe in the file's place must not hold the program up.
    let descriptor = path(of: url).withPathPointer { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_uid == geteuid() || status.st_uid == 0, status.st_mode & (S_IWGRP | S_IWOTH) == 0,
      let size = Int(exactly: status.st_size), size > 0, size <= limit
    else { return nil }
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { memory, count in
      while count < size {
        let got = Foundation.read(descriptor, memory.baseAddress.map { $0 + count }, size - count)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { return }
        count += got
      }
    }
    return bytes.count == size ? bytes : nil
  }

  /// Writes a file in one step, so that no reader sees half of it; only the user may read it.
  ///
  /// - Returns: whether it is there.
  package static func write(_ bytes: [UInt8], to url: URL) -> Bool {
    do throws(FileError) {
      let file = try AtomicFile(path: path(of: url), isPrivate: true)
      try file.append(bytes)
      try file.commit()
      return true
    } catch { return false }
  }

  private static func path(of url: URL) -> String {
    url.withUnsafeFileSystemRepresentation { name in
      name.map { String(pathBytes: UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? url.path
    }
  }
}
