#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder of files that appears at its path complete or not at all: filled beside it, then renamed.
package final class AtomicFolder {
  /// The path that was asked for.
  package let path: String

  private let temporary: String
  private var names: [String] = []
  private var isCommitted = false

  /// Begins a folder.
  ///
  /// - Throws: `FileError` `.system` where something is at the path, or the folder cannot be made, `.notFound` where no
  ///   folder could hold it.
  package init(path: String) throws(FileError) {
    var target = path
    while target.utf8.count > 1, target.utf8.last == UInt8(ascii: "/") { target.removeLast() }
    guard !target.isEmpty, !target.utf8.contains(0) else {
      throw FileError(.notFound, path: path, "this is no path of a folder: name one to write")
    }
    guard !FileDescriptor.exists(target) else {
      throw FileError(.system, path: path, "something is there already: name a folder that does not exist yet")
    }
    self.path = target
    for _ in 0..<16 {
      let temporary = target + AtomicFile.partialMark + String(UInt32.random(in: 0 ... .max), radix: 16)
      if temporary.withPathPointer({ mkdir($0, 0o777) }) == 0 {
        self.temporary = temporary
        return
      }
      let number = errno
      guard number != EEXIST else { continue }
      if number == ENOENT || number == ENOTDIR {
        throw FileError(.notFound, path: path, "the folder that should hold this one does not exist: create it first")
      }
      throw FileError(.system, path: path, "it cannot be made: \(FileDescriptor.reason(number))")
    }
    throw FileError(.system, path: path, "no free name for a temporary folder: delete old '.partial-' folders")
  }

  deinit {
    guard !isCommitted else { return }
    for name in names { _ = (temporary + "/" + name).withPathPointer { unlink($0) } }
    _ = temporary.withPathPointer { rmdir($0) }
  }

  /// Where a file of the folder is to be written until all are.
  ///
  /// - Parameter name: without a slash.
  package func path(of name: String) -> String {
    names.append(name)
    return temporary + "/" + name
  }

  /// Puts the folder in place.
  package func commit() throws(FileError) {
    let isRenamed = temporary.withPathPointer { from in path.withPathPointer { rename(from, $0) } } == 0
    guard isRenamed else {
      throw FileError(.system, path: path, "it cannot be put in place: \(FileDescriptor.reason(errno))")
    }
    isCommitted = true
  }
}
