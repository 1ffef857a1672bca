import Foundation
import TesseraSystem

/// What the writers of a folder hold in turn, in this process and others, and a count of their changes. Ends with the process, however
/// that ends.
package struct FolderLock {
  /// How many changes writers have made, as the file says.
  let changes: UInt64
  private let number: Int32

  /// Does something while this process alone holds the lock.
  ///
  /// - Throws: `FileError` where the lock's file cannot be made, or others hold it for too long: a process that was stopped. And what
  ///   `body` throws.
  package static func hold<Result>(
    _ path: String, patience: Duration = .seconds(2), _ body: (FolderLock) throws(FileError) -> Result
  ) throws(FileError) -> Result {
    let end = ContinuousClock.now + patience
    while true {
      let number = path.withPathPointer { open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600) }
      guard number >= 0 else {
        throw FileError(.system, path: path, "this lock cannot be opened: \(FileDescriptor.reason(errno))")
      }
      // Which lets go of the lock.
      defer { close(number) }
      while flock(number, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR {
        guard ContinuousClock.now < end else {
          throw FileError(.system, path: path, "another process holds this lock: end it if it hangs")
        }
        usleep(2000)
      }
      // Whoever cleared the folder has taken the file away: then others hold a new one.
      var (held, named) = (stat(), stat())
      guard fstat(number, &held) == 0, path.withPathPointer({ lstat($0, &named) }) == 0, held.st_ino == named.st_ino
      else { continue }
      var count: UInt64 = 0
      let got = withUnsafeMutableBytes(of: &count) { pread(number, $0.baseAddress, $0.count, 0) }
      let changes = got == MemoryLayout<UInt64>.size ? UInt64(littleEndian: count) : 0
      return try body(FolderLock(changes: changes, number: number))
    }
  }

  /// Counts a change that is about to be made; nil where that cannot be written.
  func change() -> UInt64? {
    let count = changes &+ 1
    let written = withUnsafeBytes(of: count.littleEndian) { pwrite(number, $0.baseAddress, $0.count, 0) }
    return written == MemoryLayout<UInt64>.size ? count : nil
  }
}

extension stat {
  /// When the file's contents were changed last, or said to be: nanoseconds since 1970.
  var modificationTime: Int {
    #if canImport(Darwin)
      let time = st_mtimespec
    #else
      let time = st_mtim
    #endif
    return Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec)
  }
}
