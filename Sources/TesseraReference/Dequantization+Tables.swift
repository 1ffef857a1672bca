// Formats whose digits stand for uneven steps, small floats or ternary digits.

extension ReferenceQuantization {
  /// The values that the nibbles of IQ4_NL and IQ4_XS stand for.
  static let unevenSteps: [Float] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

  /// Twice what the nibbles of MXFP4 stand for, floats of one sign, two exponent bits and one mantissa bit.
  ///
  /// Source: OCP Microscaling Formats (MX) Specification 1.0, E2M1. Like ggml's, its minus zero is plus zero.
  static let smallFloats: [Float] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

  /// Half of 2 to the power of `e` − 127, MX's E8M0; ggml gives no meaning of its own to 255, MX's NaN.
  static func powerOfTwo(_ e: UInt8) -> Float {
    Float(bitPattern: e < 2 ? 0x0020_0000 << UInt32(e) : UInt32(e - 1) << 23)
  }

  /// IQ4_XS: eight groups of 32, each d·(scale − 32)·step.
  static func scaledUnevenSteps(_ b: [UInt8]) -> [Float] {
    (0..<8).flatMap { group in
      let low = (b[4 + group / 2] >> UInt8(4 * (group % 2))) & 15
      let high = UInt8(truncatingIfNeeded: word(b, 2) >> UInt16(2 * group)) & 3
      let d = half(b, 0) * Float(Int(low | high << 4) - 32)
      return nibbles(b[(8 + 16 * group)..<(24 + 16 * group)]).map { d * unevenSteps[Int($0)] }
    }
  }

  /// TQ1_0: the digits to base 3 of bytes that are fractions of 256; five of each of 32 bytes, five of each of 16 more,
  /// four of each of the last 4. All bytes' first digits come before their second ones.
  static func ternaryDigits(_ b: [UInt8]) -> [UInt8] {
    func digits(_ bytes: ArraySlice<UInt8>, _ powers: [UInt8]) -> [UInt8] {
      powers.flatMap { power in bytes.map { UInt8((UInt16($0 &* power) * 3) >> 8) } }
    }
    return digits(b[0..<32], [1, 3, 9, 27, 81]) + digits(b[32..<48], [1, 3, 9, 27, 81])
      + digits(b[48..<52], [1, 3, 9, 27])
  }
}
