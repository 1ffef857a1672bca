import Foundation

/// Whole files of a cache, read with suspicion and written in one step. Every failure costs the cache only.
package enum CacheFile {
  /// The bytes of a regular file, not a link, that the user or root owns and no other may write: compiled programs run
  /// as they are, so those that someone else could have put there are not read.
  ///
  /// - Returns: nil for any other file, and for one of more than `limit` bytes.
  package static func read(_ url: URL, limit: Int) -> [UInt8]? {
    // O_NONBLOCK: a pipe in the file's place must not hold the program up.
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
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

  /// Writes beside the place and moves there, so that no reader sees half a file; only the user may read it.
  ///
  /// - Parameter temporary: a name in the same folder that nobody else uses.
  package static func write(_ bytes: [UInt8], to url: URL, through temporary: URL) -> Bool {
    let descriptor = open(temporary.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    let isWhole = bytes.withUnsafeBytes { memory in
      var count = 0
      while count < memory.count {
        let put = Foundation.write(descriptor, memory.baseAddress.map { $0 + count }, memory.count - count)
        if put < 0, errno == EINTR { continue }
        guard put > 0 else { return false }
        count += put
      }
      return true
    }
    // Some file systems tell of a full disk only here.
    let isClosed = close(descriptor) == 0
    guard isWhole, isClosed, rename(temporary.path, url.path) == 0 else {
      unlink(temporary.path)
      return false
    }
    return true
  }
}
