#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears at its path complete or not at all: written beside it, then renamed over it.
///
/// Where the path names a pipe or a device, bytes go straight to it.
package final class AtomicFile {
  /// The path that was asked for.
  package let path: String

  private let descriptor: FileDescriptor
  // Where a link points to, so that the link itself survives.
  private let target: String
  private let temporary: String?
  private var isCommitted = false

  package init(path: String) throws(FileError) {
    self.path = path
    var existing = stat()
    let exists = path.withPathPointer { stat($0, &existing) } == 0
    if exists, existing.st_mode & S_IFMT == S_IFDIR {
      throw FileError(.isFolder, path: path, "this is a folder: name a file to write")
    }
    if exists, existing.st_mode & S_IFMT != S_IFREG {
      let number = path.withPathPointer { open($0, O_WRONLY | O_CLOEXEC) }
      guard number >= 0 else { throw AtomicFile.error(errno, path) }
      descriptor = FileDescriptor(adopting: number, path: path)
      target = path
      temporary = nil
      return
    }
    let target = exists ? AtomicFile.resolved(path) : path
    for _ in 0..<16 {
      let temporary = target + ".partial-" + String(UInt32.random(in: 0 ... .max), radix: 16)
      let number = temporary.withPathPointer { open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
      if number < 0, errno == EEXIST { continue }
      guard number >= 0 else { throw AtomicFile.error(errno, path) }
      descriptor = FileDescriptor(adopting: number, path: path)
      self.target = target
      self.temporary = temporary
      return
    }
    throw FileError(.system, path: path, "no free name for a temporary file beside it: delete old '.partial-' files")
  }

  deinit {
    if let temporary, !isCommitted { _ = temporary.withPathPointer { unlink($0) } }
  }

  /// Writes all of `bytes`.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = write(descriptor.number, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw AtomicFile.error(count < 0 ? errno : ENOSPC, path) }
      rest = rest.dropFirst(count)
    }
  }

  /// Writes all of `bytes`.
  package func append(_ bytes: [UInt8]) throws(FileError) {
    let result = bytes.withUnsafeBytes { buffer in Result { () throws(FileError) in try append(buffer) } }
    try result.get()
  }

  /// Puts the file in place.
  package func commit() throws(FileError) {
    guard let temporary, !isCommitted else { return }
    guard temporary.withPathPointer({ from in target.withPathPointer { rename(from, $0) } }) == 0 else { throw AtomicFile.error(errno, path) }
    isCommitted = true
  }

  private static func resolved(_ path: String) -> String {
    guard let real = path.withPathPointer({ realpath($0, nil) }) else { return path }
    defer { free(real) }
    return String(pathBytes: UnsafeRawBufferPointer(start: real, count: strlen(real)))
  }

  private static func error(_ number: Int32, _ path: String) -> FileError {
    switch number {
    case ENOENT, ENOTDIR:
      FileError(.notFound, path: path, "the folder that should hold this file does not exist: create it first")
    case ENOSPC, EDQUOT:
      FileError(.system, path: path, "the disk is full: free some space")
    case EACCES, EROFS, EPERM:
      FileError(
        .system, path: path, "it cannot be written here (\(FileDescriptor.reason(number))): name another folder")
    default:
      FileError(.system, path: path, "it cannot be written: \(FileDescriptor.reason(number))")
    }
  }
}
