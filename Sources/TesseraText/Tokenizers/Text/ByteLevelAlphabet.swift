/// The characters that stand for bytes in the tokens of byte-level BPE.
///
/// Printable ASCII and Latin-1 stand for themselves, the other 68 bytes for U+0100 and up
/// (GPT-2's `bytes_to_unicode`, https://github.com/openai/gpt-2/blob/master/src/encoder.py).
enum ByteLevelAlphabet {
  /// The scalar that stands for each byte, below U+0144.
  static let scalars: [UInt16] = {
    var table = [UInt16](repeating: 0, count: 256)
    var next: UInt16 = 0x100
    for byte in 0..<256 {
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: table[byte] = UInt16(byte)
      default:
        table[byte] = next
        next += 1
      }
    }
    return table
  }()

  /// The byte that each of U+0000 to U+0143 stands for, or -1.
  private static let byteOfScalar: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { table[Int(scalar)] = Int16(byte) }
    return table
  }()

  /// Adds the characters that stand for bytes.
  static func append(_ bytes: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
    scalars.withUnsafeBufferPointer { scalars in
      for byte in bytes { UTF8Scan.append(UInt32(scalars[Int(byte)]), to: &output) }
    }
  }

  /// The bytes that a token's text stands for; nil where a character of it stands for none.
  static func bytes(of text: some Collection<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var lead: UInt8 = 0
    for byte in text {
      let scalar: Int
      if lead != 0 {
        guard byte & 0xC0 == 0x80 else { return nil }
        scalar = Int(lead & 0x1F) << 6 | Int(byte & 0x3F)
        lead = 0
      } else if byte < 0x80 {
        scalar = Int(byte)
      } else if 0xC2...0xC5 ~= byte {
        lead = byte
        continue
      } else {
        return nil
      }
      guard scalar < byteOfScalar.count, byteOfScalar[scalar] >= 0 else { return nil }
      result.append(UInt8(truncatingIfNeeded: byteOfScalar[scalar]))
    }
    return lead == 0 ? result : nil
  }
}
