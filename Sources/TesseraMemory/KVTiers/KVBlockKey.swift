import TesseraSystem

/// Names a block of keys and values by all that they were computed from: a SHA-256 digest over the chain of blocks up to it.
package struct KVBlockKey: Hashable, Sendable, CustomStringConvertible {
  /// Bytes of a key.
  package static let byteCount = 32

  /// The digest's bytes, eight in a word, so that a key is no object of its own.
  private let words: SIMD4<UInt64>

  /// The key of a digest.
  package init(_ fingerprint: Fingerprint) { words = Self.words(fingerprint.bytes) }

  /// A key of 32 bytes; nil for any other number.
  package init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    words = Self.words(bytes)
  }

  /// A key of 64 hexadecimal digits in lower case; nil for any other text.
  init?(hexadecimal: Substring) {
    guard hexadecimal.utf8.count == 2 * Self.byteCount else { return nil }
    var words = SIMD4<UInt64>()
    for (index, digit) in hexadecimal.utf8.enumerated() {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: return nil
      }
      words[index / 16] = words[index / 16] << 4 | UInt64(value)
    }
    self.words = words
  }

  /// The 32 bytes.
  package var bytes: [UInt8] {
    (0..<Self.byteCount).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> (56 - $0 % 8 * 8)) }
  }

  /// 64 hexadecimal digits.
  package var description: String {
    (0..<4).map { index in
      let digits = String(words[index], radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  private static func words(_ bytes: some Collection<UInt8>) -> SIMD4<UInt64> {
    var words = SIMD4<UInt64>()
    for (index, byte) in bytes.prefix(byteCount).enumerated() {
      words[index / 8] = words[index / 8] << 8 | UInt64(byte)
    }
    return words
  }
}
