#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears at its path complete or not at all: written beside it, then renamed over it.
///
/// Where the path names a pipe or a device, bytes go straight to it. A link is followed, also to what does not exist yet, and
/// a file that is replaced keeps its permissions.
package final class AtomicFile {
  /// The text between a file's name and the rest of the name that it has until it is complete.
  package static let partialMark = ".partial-"

  /// The path that was asked for.
  package let path: String

  private var number: Int32
  // Where a link points to, so that the link itself survives.
  private let target: String
  private let temporary: String?
  private var isCommitted = false

  /// Begins a file.
  ///
  /// - Parameters:
  ///   - isPrivate: only the user may read it, and whatever is at the path is replaced, a link or a device too:
  ///     for files of a cache.
  ///   - mode: a new file's permissions, less what the process's mask takes away.
  /// - Throws: `FileError` `.isFolder`, `.notFound` or `.system` where it cannot be created.
  package init(path: String, isPrivate: Bool = false, mode: mode_t = 0o666) throws(FileError) {
    self.path = path
    var existing = stat()
    let exists = path.withPathPointer { isPrivate ? lstat($0, &existing) : stat($0, &existing) } == 0
    if exists, existing.st_mode & S_IFMT == S_IFDIR {
      throw FileError(.isFolder, path: path, "this is a folder: name a file to write")
    }
    if exists, !isPrivate, existing.st_mode & S_IFMT != S_IFREG {
      number = path.withPathPointer { open($0, O_WRONLY | O_CLOEXEC) }
      guard number >= 0 else { throw AtomicFile.error(errno, path) }
      target = path
      temporary = nil
      return
    }
    let target = isPrivate ? path : try AtomicFile.resolved(path)
    let mode = isPrivate ? 0o600 : exists ? existing.st_mode & 0o777 : mode
    for _ in 0..<16 {
      let temporary = target + AtomicFile.partialMark + String(UInt32.random(in: 0 ... .max), radix: 16)
      let number = temporary.withPathPointer {
        open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
      }
      if number < 0, errno == EEXIST { continue }
      guard number >= 0 else { throw AtomicFile.error(errno, path) }
      // The process's mask took bits away. On a file system without permissions nothing can be kept.
      if exists, !isPrivate { _ = fchmod(number, mode) }
      self.number = number
      self.target = target
      self.temporary = temporary
      return
    }
    throw FileError(.system, path: path, "no free name for a temporary file beside it: delete old '.partial-' files")
  }

  deinit {
    if number >= 0 { close(number) }
    if let temporary, !isCommitted { _ = temporary.withPathPointer { unlink($0) } }
  }

  /// Writes all of `bytes`.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = write(number, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
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
    guard number >= 0, !isCommitted else { return }
    // Some file systems tell of a full disk only here.
    let isClosed = close(number) == 0
    number = -1
    guard isClosed else { throw AtomicFile.error(errno, path) }
    guard let temporary else { return }
    let isRenamed = temporary.withPathPointer { from in target.withPathPointer { rename(from, $0) } } == 0
    guard isRenamed else { throw AtomicFile.error(errno, path) }
    isCommitted = true
  }

  /// Where a path's links lead, whether or not anything is there.
  private static func resolved(_ path: String) throws(FileError) -> String {
    let slash = UInt8(ascii: "/")
    var place = path
    for _ in 0..<40 {
      var target = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = place.withPathPointer { readlink($0, &target, Int(PATH_MAX)) }
      if count < 0 { return place }
      let link = target[..<count].map { UInt8(bitPattern: $0) }
      let bytes = place.pathBytes
      let folder = bytes.lastIndex(of: slash).map { bytes[...$0] } ?? []
      place = String(pathBytes: link.first == slash ? link : folder + link)
    }
    throw FileError(.system, path: path, "its links lead round in a circle: name another file")
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
