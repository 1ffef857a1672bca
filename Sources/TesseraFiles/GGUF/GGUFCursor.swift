/// Reads a GGUF file's header front to back, checking every size against the bytes that remain.
struct GGUFCursor {
  let file: MappedFile
  /// The next byte to read, counted from the start of the file.
  private(set) var offset = 0

  init(file: MappedFile) { self.file = file }

  /// Bytes from `offset` to the end of the file.
  var remaining: Int { file.byteCount - offset }

  /// Moves past `count` bytes and gives the offset of their first.
  mutating func take(_ count: Int, _ what: @autoclosure () -> String) throws(FileError) -> Int {
    guard count >= 0, count <= remaining else { throw truncated(needed: UInt64(max(count, 0)), what()) }
    guard count <= GGUFLimits.headerByteCount - offset else {
      throw error(
        .tooLarge, what(),
        "lies beyond the \(GGUFLimits.headerByteCount >> 20) MiB that metadata and tensor descriptions may take: "
          + "the file is damaged or was not made for inference")
    }
    let start = offset
    offset += count
    return start
  }

  /// Reads a little-endian integer.
  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, _ what: @autoclosure () -> String
  ) throws(FileError) -> T {
    let start = try take(MemoryLayout<T>.size, what())
    return T(littleEndian: file.contents.loadUnaligned(fromByteOffset: start, as: T.self))
  }

  /// Reads a count of things that take at least `minimumByteCount` bytes each, so that what is allocated for them is
  /// bounded by the file's size.
  mutating func count(
    of minimumByteCount: Int, limit: Int, _ what: @autoclosure () -> String
  ) throws(FileError) -> Int {
    let stored = try integer(UInt64.self, what())
    guard let count = Int(exactly: stored), count <= limit else {
      throw error(.tooLarge, what(), "is \(stored), and at most \(limit) make sense: the file is damaged")
    }
    let (needed, overflow) = count.multipliedReportingOverflow(by: minimumByteCount)
    guard !overflow, needed <= remaining else {
      throw error(
        .truncated, what(),
        "is \(count), but only \(remaining) bytes remain: the file is truncated or damaged, download it again")
    }
    return count
  }

  /// Reads a string's length and moves past its bytes, whose range it gives.
  mutating func stringRange(_ what: @autoclosure () -> String) throws(FileError) -> Range<Int> {
    let stored = try integer(UInt64.self, what())
    guard let count = Int(exactly: stored), count <= remaining else {
      throw truncated(needed: stored, what())
    }
    let start = try take(count, what())
    return start..<start + count
  }

  /// Reads a string, which must be UTF-8.
  mutating func string(limit: Int = .max, _ what: @autoclosure () -> String) throws(FileError) -> String {
    let start = offset
    let range = try stringRange(what())
    guard range.count <= limit else {
      throw GGUFCursor.error(
        .tooLarge, file.path, start, what(), "has \(range.count) bytes, and at most \(limit) are allowed")
    }
    guard let string = String(validating: file.contents[range], as: UTF8.self) else {
      throw GGUFCursor.error(
        .malformed, file.path, start, what(), "is not UTF-8: the file is damaged, download it again")
    }
    return string
  }

  /// Reads a string; bytes that are not UTF-8 become U+FFFD.
  mutating func repairedString(_ what: @autoclosure () -> String) throws(FileError) -> String {
    let range = try stringRange(what())
    return String(decoding: file.contents[range], as: UTF8.self)
  }

  /// An error about what was just read or tried.
  func error(_ code: FileError.Code, _ what: String, _ problem: String) -> FileError {
    GGUFCursor.error(code, file.path, offset, what, problem)
  }

  private func truncated(needed: UInt64, _ what: String) -> FileError {
    error(
      .truncated, what,
      "needs \(needed) bytes, but only \(remaining) remain: the file is truncated or damaged, download it again")
  }

  private static func error(
    _ code: FileError.Code, _ path: String, _ offset: Int, _ what: String, _ problem: String
  ) -> FileError {
    FileError(code, path: path, "\(what) (at byte \(offset)) \(problem)")
  }
}
