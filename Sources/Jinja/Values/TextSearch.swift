/// Finds a text in others, in time that grows with their lengths and not with the product of both (Knuth, Morris and
/// Pratt, https://doi.org/10.1137/0206024).
struct TextSearch {
  private let part: [UInt8]
  /// For each prefix of the part the length of the longest shorter one that it also ends with.
  private var borders: [Int32] = []

  /// - Parameter part: what is looked for, in UTF-8.
  init(_ part: String) { self.part = Array(part.utf8) }

  /// Where the part first stands from `start` on; nil where it does not.
  mutating func first(in text: [UInt8], from start: Int = 0) -> Range<Int>? {
    guard start >= 0, start <= text.count, part.count <= text.count - start else { return nil }
    guard let first = part.first else { return start..<start }
    if borders.isEmpty { findBorders() }
    var matched = 0
    for index in start..<text.count {
      if matched == 0, text[index] != first { continue }
      while matched > 0, text[index] != part[matched] { matched = Int(borders[matched - 1]) }
      if text[index] == part[matched] { matched += 1 }
      if matched == part.count { return index + 1 - matched..<index + 1 }
    }
    return nil
  }

  private mutating func findBorders() {
    borders.reserveCapacity(part.count)
    borders.append(0)
    var length = 0
    for byte in part.dropFirst() {
      while length > 0, byte != part[length] { length = Int(borders[length - 1]) }
      if byte == part[length] { length += 1 }
      borders.append(Int32(truncatingIfNeeded: length))
    }
  }
}
