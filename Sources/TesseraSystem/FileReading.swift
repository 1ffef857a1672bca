#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

import Synchronization

/// Why bytes of an open file could not be read.
package enum ReadingProblem: Sendable, Equatable {
  /// The file is shorter.
  case ended
  /// The operating system's error number.
  case failed(Int32)

  /// The same as an error about a file.
  package func error(_ path: String) -> FileError {
    switch self {
    case .ended: FileError(.truncated, path: path, "the file has become shorter while it was read")
    case .failed(let number):
      FileError(.system, path: path, "it cannot be read: \(FileDescriptor.reason(number))")
    }
  }
}

extension FileDescriptor {
  /// Fills memory with a file's bytes from an offset on; nil where all came.
  package static func fill(
    _ memory: UnsafeMutableRawBufferPointer, from number: Int32, at offset: Int
  ) -> ReadingProblem? {
    var count = 0
    while count < memory.count {
      let got = pread(number, memory.baseAddress.map { $0 + count }, memory.count - count, off_t(offset + count))
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { return got < 0 ? .failed(errno) : .ended }
      count += got
    }
    return nil
  }
}

/// The first of the problems that several threads have.
package final class FirstProblem: Sendable {
  private let value = Mutex<ReadingProblem?>(nil)

  package init() {}

  package var first: ReadingProblem? { value.withLock { $0 } }

  /// Keeps a problem, if it is one and the first.
  package func note(_ problem: ReadingProblem?) { value.withLock { $0 = $0 ?? problem } }
}
