#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

import TesseraSystem

/// A file mapped into memory for reading: its bytes are read from disk when they are first touched.
///
/// The size is taken when the file is opened and checked again by every `bytes(at:count:)`. A file that another
/// process truncates *while its bytes are being read* makes the operating system end this process with SIGBUS; no
/// library can turn that into an error. Replace a model file by renaming a new one over it: the mapping then keeps the
/// old contents.
// Unchecked: every property is constant, and the memory behind `base` is only read.
package final class MappedFile: @unchecked Sendable {
  /// The path that was opened.
  package let path: String
  /// The size in bytes when the file was opened; 0 only for what is no file (`init(holding:named:)`).
  package let byteCount: Int

  private let base: UnsafeMutableRawPointer?
  /// The file, which can outlive the mapping; nil for what is no file.
  package let file: OpenFile?
  private let isMapped: Bool

  /// Maps the file at `path`.
  ///
  /// - Throws: `FileError` `.notFound`, `.isFolder`, `.notRegularFile`, `.empty` or `.system`.
  package init(path: String) throws(FileError) {
    let file = try OpenFile(path: path)
    let byteCount = file.byteCount
    guard byteCount > 0 else {
      throw FileError(.empty, path: path, "the file is empty: download it again")
    }
    guard let base = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, file.descriptor.number, 0), base != MAP_FAILED else {
      throw FileError(
        .system, path: path, "its \(byteCount) bytes cannot be mapped: \(FileDescriptor.reason(errno))")
    }
    self.path = path
    self.byteCount = byteCount
    self.base = base
    self.file = file
    isMapped = true
  }

  /// Stands where a file would: a copy of `bytes` in memory, with a name for messages.
  init(holding bytes: [UInt8], named name: String) {
    path = name
    byteCount = bytes.count
    file = nil
    isMapped = false
    guard !bytes.isEmpty else {
      base = nil
      return
    }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    memory.copyBytes(from: bytes)
    base = memory.baseAddress
  }

  deinit {
    guard let base else { return }
    if isMapped { munmap(base, byteCount) } else { base.deallocate() }
  }

  /// `count` bytes from `offset`. The pointer is valid while this object lives.
  ///
  /// - Throws: `FileError` `.outOfRange` where the range is not in the file, `.truncated` where the file has become
  ///   shorter since it was opened.
  package func bytes(at offset: Int, count: Int) throws(FileError) -> UnsafeRawBufferPointer {
    try checkRange(offset: offset, count: count)
    guard Int(try file?.descriptor.status().st_size ?? off_t(byteCount)) >= byteCount else {
      throw FileError(
        .truncated, path: path, "the file has become shorter since it was opened: load the model again")
    }
    return UnsafeRawBufferPointer(rebasing: contents[offset..<offset + count])
  }

  /// Lets go of the physical memory behind a range. The bytes stay readable, from disk.
  ///
  /// Page borders are rounded outward, so neighbors may have to be read from disk again too.
  package func release(offset: Int, count: Int) {
    guard isMapped, let base, count > 0, (try? checkRange(offset: offset, count: count)) != nil else { return }
    let pageSize = max(Int(getpagesize()), 1)
    let start = offset - offset % pageSize
    // Advice only: where the system cannot follow it, the contents are the same.
    _ = madvise(base + start, offset + count - start, MADV_DONTNEED)
  }

  /// The whole mapping, for the readers of this module, which check their own ranges.
  var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: byteCount) }

  private func checkRange(offset: Int, count: Int) throws(FileError) {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw FileError(
        .outOfRange, path: path, "\(count) bytes at offset \(offset) are not in this file of \(byteCount) bytes")
    }
  }
}
