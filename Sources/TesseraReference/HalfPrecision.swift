/// IEEE 754 binary16 and bfloat16 as bit patterns.
///
/// Swift's `Float16` does not exist on every platform, so the conversions are spelled out.
package enum ReferenceHalf {
  /// The value of a binary16 bit pattern; every binary16 value is exact in `Float`.
  package static func float(fromHalf bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let mantissa = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:  // Zero or subnormal: mantissa × 2⁻²⁴.
      let magnitude = Float(mantissa) * Float(sign: .plus, exponent: -24, significand: 1)
      return sign == 0 ? magnitude : -magnitude
    case 0x1F:
      return Float(bitPattern: sign | 0x7F80_0000 | (mantissa << 13))
    default:
      return Float(bitPattern: sign | ((exponent + 112) << 23) | (mantissa << 13))
    }
  }

  /// The nearest binary16 value's bit pattern; ties go to even, values too large become infinity.
  package static func half(fromFloat value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(bits >> 31) << 15
    let magnitude = bits & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 | UInt16((magnitude >> 13) & 0x3FF) }
    if magnitude >= 0x4780_0000 { return sign | 0x7C00 }
    if magnitude < 0x3880_0000 {  // Below 2⁻¹⁴: count in units of 2⁻²⁴.
      let units = (Float(bitPattern: magnitude) * 16_777_216).rounded(.toNearestOrEven)
      return sign | UInt16(units)
    }
    let rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1)
    return sign | UInt16((rounded >> 13) - (112 << 10))
  }

  /// The value of a bfloat16 bit pattern: the upper half of a `Float`.
  package static func float(fromBFloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
}
