/// Text cut into Unicode scalars, each with its class.
///
/// Bytes that are no UTF-8 become U+FFFD one by one. Surrogates and overlong forms are decoded as if they were proper
/// UTF-8, as llama.cpp does, so that the same bytes give the same tokens.
struct ScannedText {
  /// The text in UTF-8, repaired.
  private(set) var bytes: [UInt8] = []
  /// Where each scalar begins in `bytes`, and at last the end.
  private(set) var starts: [Int32] = []
  /// The class of each scalar.
  private(set) var classes: [ScalarClass] = []

  /// Scans at most `Int32.max / 3` bytes.
  init(_ text: UnsafeBufferPointer<UInt8>) {
    bytes.reserveCapacity(text.count)
    starts.reserveCapacity(text.count + 1)
    classes.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let lead = text[index]
      if lead < 0x80 {
        append(UInt32(lead))
        index += 1
      } else if let (value, length) = Self.decode(text, index) {
        append(value)
        index += length
      } else {
        append(0xFFFD)
        index += 1
      }
    }
    starts.append(Int32(truncatingIfNeeded: bytes.count))
  }

  /// How many scalars there are.
  var count: Int { classes.count }

  /// The class of a scalar, empty from `end` on.
  @inline(__always)
  func scalarClass(_ index: Int, _ end: Int) -> ScalarClass { index < end ? classes[index] : [] }

  /// The ASCII character at `index`, or 0 where there is another one, and from `end` on.
  @inline(__always)
  func ascii(_ index: Int, _ end: Int) -> UInt8 {
    guard index < end else { return 0 }
    let byte = bytes[Int(starts[index])]
    return byte < 0x80 ? byte : 0
  }

  /// Where the scalars of `range` lie in `bytes`.
  @inline(__always)
  func byteRange(_ range: Range<Int>) -> Range<Int> { Int(starts[range.lowerBound])..<Int(starts[range.upperBound]) }

  private mutating func append(_ value: UInt32) {
    starts.append(Int32(truncatingIfNeeded: bytes.count))
    classes.append(ScalarClass.of(value))
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

  /// The value and length of a sequence of several bytes.
  private static func decode(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> (value: UInt32, length: Int)? {
    let lead = text[index]
    let length: Int
    var value: UInt32
    switch lead {
    case 0xC0...0xDF: (length, value) = (2, UInt32(lead & 0x1F))
    case 0xE0...0xEF: (length, value) = (3, UInt32(lead & 0x0F))
    case 0xF0...0xF7: (length, value) = (4, UInt32(lead & 0x07))
    default: return nil
    }
    guard text.count - index >= length else { return nil }
    for next in index + 1..<index + length {
      guard text[next] & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(text[next] & 0x3F)
    }
    return value <= 0x10_FFFF ? (value, length) : nil
  }
}
