/// Reading of UTF-8 that may be damaged.
enum UTF8Scan {
  /// The scalar at `position`, which is before `end`, and its length. What is no sequence counts as U+FFFD of one byte.
  ///
  /// Surrogates and overlong forms are decoded as if they were proper UTF-8, as llama.cpp does.
  @inline(__always)
  static func scalar(_ text: UnsafeBufferPointer<UInt8>, _ position: Int, _ end: Int) -> (value: UInt32, length: Int) {
    let lead = text[position]
    return lead < 0x80 ? (UInt32(lead), 1) : sequence(text, position, end) ?? (0xFFFD, 1)
  }

  /// The scalar and length of a sequence of several bytes; nil where there is none.
  static func sequence(
    _ text: UnsafeBufferPointer<UInt8>, _ position: Int, _ end: Int
  ) -> (value: UInt32, length: Int)? {
    let lead = text[position]
    let length: Int
    var value: UInt32
    switch lead {
    case 0xC0...0xDF: (length, value) = (2, UInt32(lead & 0x1F))
    case 0xE0...0xEF: (length, value) = (3, UInt32(lead & 0x0F))
    case 0xF0...0xF7: (length, value) = (4, UInt32(lead & 0x07))
    default: return nil
    }
    guard end - position >= length else { return nil }
    for next in position + 1..<position + length {
      guard text[next] & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(text[next] & 0x3F)
    }
    return value <= 0x10_FFFF ? (value, length) : nil
  }

  /// The length of a character by its first byte alone, as llama.cpp takes it also in bytes that are no UTF-8.
  @inline(__always)
  static func length(_ lead: UInt8) -> Int {
    switch lead {
    case 0xF0...0xFF: 4
    case 0xE0...0xEF: 3
    case 0xC0...0xDF: 2
    default: 1
    }
  }

  /// The bytes with U+FFFD for each byte that is no UTF-8, and overlong forms as their short ones.
  static func repaired(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let (value, length) = scalar(text, index, text.count)
      append(value, to: &result)
      index += length
    }
    return result
  }

  /// Adds the UTF-8 of a number up to 0x10FFFF, surrogates too.
  @inline(__always)
  static func append(_ value: UInt32, to bytes: inout [UInt8]) {
    if value < 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value))
      return
    }
    if value < 0x800 {
      bytes.append(0xC0 | UInt8(truncatingIfNeeded: value >> 6))
    } else {
      if value < 0x1_0000 {
        bytes.append(0xE0 | UInt8(truncatingIfNeeded: value >> 12))
      } else {
        bytes.append(0xF0 | UInt8(truncatingIfNeeded: value >> 18))
        bytes.append(0x80 | UInt8(truncatingIfNeeded: value >> 12) & 0x3F)
      }
      bytes.append(0x80 | UInt8(truncatingIfNeeded: value >> 6) & 0x3F)
    }
    bytes.append(0x80 | UInt8(truncatingIfNeeded: value) & 0x3F)
  }
}
