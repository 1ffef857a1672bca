extension ReferenceQuantization {
  /// Valid random bytes of a [rows, columns] matrix of `type`, the same for the same seed.
  ///
  /// All quantized digits are random; scales are finite, of both signs, and such that values stay below about 0.5, so
  /// that sums over thousands of columns stay moderate.
  ///
  /// Throws ``ReferenceError`` when a row is not a whole number of blocks or the shape is unusable.
  package static func randomBlocks(
    type: ReferenceWeightType, rows: Int, columns: Int, seed: UInt64
  ) throws(ReferenceError) -> [UInt8] {
    _ = try type.byteCount(elements: columns)
    let total = try type.byteCount(elements: try elementCount(rows, columns, of: "\(type.rawValue) matrix"))
    var generator = SeededGenerator(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(total)
    for _ in 0..<(total / type.blockByteCount) { bytes += randomBlock(type, &generator) }
    return bytes
  }

  private static func randomBlock(_ type: ReferenceWeightType, _ generator: inout SeededGenerator) -> [UInt8] {
    var block = (0..<type.blockByteCount).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 32) }
    func put(_ bits: UInt16, at i: Int) {
      block[i] = UInt8(truncatingIfNeeded: bits)
      block[i + 1] = UInt8(truncatingIfNeeded: bits >> 8)
    }
    /// Sign and mantissa random, exponent field in `exponents`.
    func half(_ exponents: ClosedRange<UInt16>) -> UInt16 {
      let bits = UInt16(truncatingIfNeeded: generator.next() >> 32)
      return (bits & 0x83FF) | UInt16.random(in: exponents, using: &generator) << 10
    }
    switch type {
    case .f32:
      let bits = generator.nextFloat(magnitude: 0.25).bitPattern
      put(UInt16(truncatingIfNeeded: bits), at: 0)
      put(UInt16(truncatingIfNeeded: bits >> 16), at: 2)
    case .f16:
      put(half(8...12), at: 0)  // 2⁻⁷ to 2⁻²
    case .bf16:
      put(
        (UInt16(truncatingIfNeeded: generator.next()) & 0x807F) | UInt16.random(in: 120...124, using: &generator) << 7,
        at: 0)
    case .q4_0, .q5_0:
      put(half(6...9), at: 0)  // 2⁻⁹ to 2⁻⁵
    case .q4_1, .q5_1:
      put(half(6...8), at: 0)
      put(half(8...11), at: 2)
    case .q8_0:
      put(half(4...6), at: 0)
    case .q4_K, .q5_K:
      put(half(0...1), at: 0)  // below 2⁻¹³: the 6-bit scales multiply it by up to 63
      put(half(0...1), at: 2)
    case .q2_K:
      put(half(2...4), at: 80)
      put(half(2...4), at: 82)
    case .q3_K:
      put(half(0...2), at: 108)
    case .q6_K:
      put(half(0...1), at: 208)
    case .iq1_S:
      put(half(6...8), at: 0)
    case .iq1_M:
      // The half's nibbles are the top ones of four others.
      let bits = half(6...8)
      for i in 0..<4 {
        let at = 49 + 2 * i
        block[at] = block[at] & 15 | UInt8(truncatingIfNeeded: bits >> UInt16(4 * i)) << 4
      }
    case .iq2_XXS, .iq2_XS, .iq2_S, .iq3_XXS, .iq3_S:
      put(half(0...2), at: 0)  // times up to 43 · 4, 62 · 8 or 15 · 31
    case .iq4_NL:
      put(half(3...5), at: 0)  // times up to 127
    case .iq4_XS:
      put(half(0...1), at: 0)
    case .tq1_0:
      put(half(8...11), at: 52)
    case .tq2_0:
      put(half(8...11), at: 64)
    case .mxfp4:
      block[0] = 108 + block[0] % 16  // 2⁻²⁰ to 2⁻⁵, times up to 12
    }
    return block
  }
}
