#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An open file of the operating system, closed when it goes out of scope.
package struct FileDescriptor: ~Copyable {
  /// The operating system's number for it.
  package let number: Int32
  /// The path that was opened.
  package let path: String

  /// Opens a regular file for reading.
  ///
  /// - Throws: `FileError` `.notFound`, `.isFolder`, `.notRegularFile` or `.system`.
  package static func openForReading(_ path: String) throws(FileError) -> FileDescriptor {
    guard !path.isEmpty else { throw FileError(.notFound, path: path, "the path is empty: name a file") }
    guard !path.utf8.contains(0) else {
      throw FileError(.notFound, path: path, "the path contains a zero byte: name a file")
    }
    // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    let number = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard number >= 0 else { throw FileDescriptor.openError(errno, path: path) }
    let descriptor = FileDescriptor(adopting: number, path: path)
    let mode = try descriptor.status().st_mode & S_IFMT
    if mode == S_IFDIR {
      throw FileError(.isFolder, path: path, "this is a folder, not a file: name a file in it")
    }
    guard mode == S_IFREG else {
      throw FileError(.notRegularFile, path: path, "this is not a regular file (a pipe or a device?): name a file")
    }
    return descriptor
  }

  /// Takes over an open descriptor.
  package init(adopting number: Int32, path: String) {
    self.number = number
    self.path = path
  }

  deinit { close(number) }

  /// The file's status as the operating system has it now.
  package func status() throws(FileError) -> stat {
    var status = stat()
    guard fstat(number, &status) == 0 else {
      throw FileError(.system, path: path, "its size cannot be read: \(FileDescriptor.reason(errno))")
    }
    return status
  }

  /// Whether anything is at `path`.
  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return !path.utf8.contains(0) && path.withPathPointer { stat($0, &status) } == 0
  }

  /// Whether a folder is at `path`.
  package static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return !path.utf8.contains(0) && path.withPathPointer { stat($0, &status) } == 0
      && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The operating system's words for an error number.
  package static func reason(_ number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
  }

  private static func openError(_ number: Int32, path: String) -> FileError {
    switch number {
    case ENOENT, ENOTDIR:
      FileError(.notFound, path: path, "no such file: check the path")
    case EACCES:
      FileError(.system, path: path, "permission denied: make the file readable for this user")
    default:
      FileError(.system, path: path, "it cannot be opened: \(reason(number))")
    }
  }
}
