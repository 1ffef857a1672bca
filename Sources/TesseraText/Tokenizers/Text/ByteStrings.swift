/// A list of byte strings in one flat store: a vocabulary of 262,144 tokens is two allocations, not 262,144.
///
/// The strings need not be UTF-8.
package struct ByteStrings: Sendable, RandomAccessCollection {
  /// All strings, one after another.
  private(set) var bytes: [UInt8] = []
  /// Where each string begins, and at last where the last one ends.
  private var bounds: [Int] = [0]

  /// An empty list.
  package init() {}

  /// A list of the given strings.
  package init(_ strings: some Sequence<[UInt8]>) {
    for string in strings { append(string) }
  }

  /// A list of the UTF-8 bytes of the given strings.
  package init(texts: some Sequence<String>) {
    for text in texts { append(Array(text.utf8)) }
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { bounds.count - 1 }

  /// A copy of one string. As with arrays, the index must be in range.
  package subscript(index: Int) -> [UInt8] { [UInt8](bytes[range(index)]) }

  /// Makes room for `count` strings of `byteCount` bytes together.
  package mutating func reserveCapacity(_ count: Int, byteCount: Int) {
    bounds.reserveCapacity(count + 1)
    bytes.reserveCapacity(byteCount)
  }

  /// Adds a string at the end.
  package mutating func append(_ string: [UInt8]) {
    bytes.append(contentsOf: string)
    bounds.append(bytes.count)
  }

  /// Adds a string at the end, copied from memory that need only be valid during the call.
  package mutating func append(_ string: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: string)
    bounds.append(bytes.count)
  }

  /// Where one string lies in `bytes`.
  func range(_ index: Int) -> Range<Int> { bounds[index]..<bounds[index + 1] }

  /// Whether one string has exactly these bytes.
  @inline(__always)
  func equals(_ index: Int, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
    let range = range(index)
    guard range.count == other.count else { return false }
    var offset = range.lowerBound
    for byte in other {
      if bytes[offset] != byte { return false }
      offset += 1
    }
    return true
  }

  /// Adds a text at the end, perhaps with more of it.
  mutating func append(text: String, _ rest: String = "") {
    bytes.append(contentsOf: text.utf8)
    bytes.append(contentsOf: rest.utf8)
    bounds.append(bytes.count)
  }

  /// Adds one of another list's strings at the end.
  mutating func append(_ other: ByteStrings, at index: Int) {
    bytes.append(contentsOf: other.slice(index))
    bounds.append(bytes.count)
  }

  /// One string, without a copy.
  func slice(_ index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }
}
