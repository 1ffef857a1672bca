/// Finds the id of a byte string in a list of them.
///
/// Open addressing over (hash, id) pairs in one flat array; the strings stay where they are. Hashes are seeded with
/// a random number, so that no file can be made whose strings all collide; results do not depend on it.
struct ByteStringTable: Sendable {
  private static let free = UInt64.max
  private let strings: ByteStrings
  /// The upper half is the hash, the lower half the id.
  private var slots: [UInt64]
  private let mask: Int
  private let seed = UInt64.random(in: 0...UInt64.max) | 1
  /// The length of the longest string in the table.
  private(set) var longest = 0

  /// A table of `strings`, at most `UInt32.max` of them, into which ids are then inserted.
  init(over strings: ByteStrings) {
    self.strings = strings
    var capacity = 16
    while capacity < strings.count * 2 { capacity *= 2 }
    slots = [UInt64](repeating: Self.free, count: capacity)
    mask = capacity - 1
  }

  /// Adds the string with this id. Gives the id of an equal string if one is there already.
  mutating func insert(_ id: Int) -> Int? {
    let range = strings.range(id)
    let (hash, found) = strings.bytes.withUnsafeBufferPointer { all in
      let bytes = UnsafeBufferPointer(rebasing: all[range])
      let hash = self.hash(bytes)
      return (hash, find(bytes, hash: hash))
    }
    guard case .absent(let slot) = found else {
      if case .present(let other) = found { return other }
      return nil
    }
    slots[slot] = UInt64(hash) << 32 | UInt64(UInt32(truncatingIfNeeded: id))
    longest = max(longest, range.count)
    return nil
  }

  /// The id of a string.
  func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    if bytes.count > longest { return nil }
    if case .present(let id) = find(bytes, hash: hash(bytes)) { return id }
    return nil
  }

  /// The id of a string.
  func id(of bytes: [UInt8]) -> Int? { bytes.withUnsafeBufferPointer { id(of: $0) } }

  /// The id of a string.
  func id(of bytes: ArraySlice<UInt8>) -> Int? { bytes.withUnsafeBufferPointer { id(of: $0) } }

  /// The ids of `<0x00>` to `<0xFF>`, or -1 where there is none.
  func byteTokens() -> [Int32] {
    let digits = Array("0123456789ABCDEF".utf8)
    return (0..<256).map { byte in
      let name = Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15], UInt8(ascii: ">")]
      return Int32(truncatingIfNeeded: id(of: name) ?? -1)
    }
  }

  private enum Place {
    case present(Int)
    case absent(Int)
  }

  private func find(_ bytes: UnsafeBufferPointer<UInt8>, hash: UInt32) -> Place {
    var slot = Int(hash) & mask
    while true {
      let entry = slots[slot]
      if entry == Self.free { return .absent(slot) }
      if entry >> 32 == UInt64(hash) {
        let id = Int(truncatingIfNeeded: entry & 0xFFFF_FFFF)
        if strings.equals(id, bytes) { return .present(id) }
      }
      slot = (slot + 1) & mask
    }
  }

  /// Folds eight bytes at a time into the hash by a 64 × 64 → 128-bit product (the step of wyhash). Never `UInt32.max`,
  /// so that no entry looks like a free slot.
  private func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
    var state = seed ^ UInt64(bytes.count)
    var index = 0
    while index < bytes.count {
      let end = min(index + 8, bytes.count)
      var word: UInt64 = 0
      while index < end {
        word = word << 8 | UInt64(bytes[index])
        index += 1
      }
      let product = (state ^ word).multipliedFullWidth(by: seed)
      state = product.high ^ product.low
    }
    let product = state.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return min(UInt32(truncatingIfNeeded: product.high ^ product.low), UInt32.max - 1)
  }
}
