/// The strings of a metadata array as bytes, which need not be UTF-8 (tokens often are not).
///
/// Nothing is copied until an element is asked for; `withBytes(at:_:)` never copies.
package struct RawStrings: RandomAccessCollection, Sendable {
  let file: MappedFile
  let offset: Int
  /// Where each string's 8-byte length lies, counted from `offset`, and where the last string ends.
  let starts: [UInt32]

  package var startIndex: Int { 0 }
  package var endIndex: Int { starts.count - 1 }

  /// A copy of the bytes of one string. As with arrays, the index must be in range.
  package subscript(index: Int) -> [UInt8] { withBytes(at: index) { [UInt8]($0) } }

  /// Calls `body` with the bytes of one string in the mapped file, valid during the call only.
  package func withBytes<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    // From `starts`, not from the length in the file, which another process may have changed since it was checked.
    let range = offset + Int(starts[index]) + 8..<offset + Int(starts[index + 1])
    return try body(UnsafeRawBufferPointer(rebasing: file.contents[range]))
  }
}
