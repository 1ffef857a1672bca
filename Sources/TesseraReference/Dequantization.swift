/// Weights as their formats define them: bytes in, float32 values out, bit for bit.
///
/// Every value is computed with the float32 operations, in the order, that ggml's `dequantize_row_*` and numpy's
/// `gguf.quants.dequantize` use, so results are equal to theirs bit for bit (a NaN equals any NaN).
package enum ReferenceQuantization {
  /// The float32 values of `count` elements of `type` stored in `bytes`.
  ///
  /// Throws ``ReferenceError`` when `count` is not a whole number of blocks or `bytes` is not their exact length.
  package static func dequantize(
    type: ReferenceWeightType, bytes: [UInt8], count: Int
  ) throws(ReferenceError) -> [Float] {
    try require(bytes, count: try type.byteCount(elements: count), "\(type.rawValue) bytes")
    var values = [Float](repeating: 0, count: count)
    for block in 0..<(count / type.blockSize) {
      let start = block * type.blockByteCount
      let source = bytes[start..<(start + type.blockByteCount)]
      let target = block * type.blockSize
      let decoded = decode(type, Array(source))
      for (i, value) in decoded.enumerated() { values[target + i] = value }
    }
    return values
  }

  private static func decode(_ type: ReferenceWeightType, _ b: [UInt8]) -> [Float] {
    switch type {
    case .f32: [Float(bitPattern: UInt32(word(b, 0)) | UInt32(word(b, 2)) << 16)]
    case .f16: [half(b, 0)]
    case .bf16: [ReferenceHalf.float(fromBFloat16: word(b, 0))]
    case .q4_0: nibbles(b[2...]).map { half(b, 0) * Float(Int($0) - 8) }
    case .q4_1: nibbles(b[4...]).map { half(b, 0) * Float($0) + half(b, 2) }
    case .q5_0: fiveBits(high: b[2..<6], low: b[6...]).map { half(b, 0) * Float(Int($0) - 16) }
    case .q5_1: fiveBits(high: b[4..<8], low: b[8...]).map { half(b, 0) * Float($0) + half(b, 2) }
    case .q8_0: b[2...].map { Float(Int8(bitPattern: $0)) * half(b, 0) }
    case .q4_K: superBlock(b, highBits: nil, nibbles: b[16...])
    case .q5_K: superBlock(b, highBits: b[16..<48], nibbles: b[48...])
    case .q6_K: sixBits(b)
    case .q2_K: twoBits(b)
    case .q3_K: threeBits(b)
    case .iq1_S: eightShifted(b)
    case .iq1_M: eightShiftedByNibbles(b)
    case .iq2_XXS: eightsOfBytes(b)
    case .iq2_XS: eightsOfHalves(b)
    case .iq2_S: eightsOfTenBits(b)
    case .iq3_XXS: foursOfBytes(b)
    case .iq3_S: foursOfNineBits(b)
    case .iq4_NL: nibbles(b[2...]).map { half(b, 0) * unevenSteps[Int($0)] }
    case .iq4_XS: scaledUnevenSteps(b)
    case .tq1_0: ternaryDigits(b).map { half(b, 52) * Float(Int($0) - 1) }
    case .tq2_0: bitPairs(b[0..<64]).map { half(b, 64) * Float(Int($0) - 1) }
    case .mxfp4: nibbles(b[1...]).map { powerOfTwo(b[0]) * smallFloats[Int($0)] }
    }
  }

  static func word(_ b: [UInt8], _ i: Int) -> UInt16 { UInt16(b[i]) | UInt16(b[i + 1]) << 8 }

  static func half(_ b: [UInt8], _ i: Int) -> Float { ReferenceHalf.float(fromHalf: word(b, i)) }

  /// Low nibbles first, then high nibbles.
  static func nibbles(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    bytes.map { $0 & 15 } + bytes.map { $0 >> 4 }
  }

  /// The bit pairs of each 32 bytes: the lowest of all, then the next.
  static func bitPairs(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let bytes = Array(bytes)
    return stride(from: 0, to: bytes.count, by: 32).flatMap { start in
      [0, 2, 4, 6].flatMap { shift in bytes[start..<(start + 32)].map { ($0 >> UInt8(shift)) & 3 } }
    }
  }

  /// Bit i of `high` is element i's fifth bit.
  private static func fiveBits(high: ArraySlice<UInt8>, low: ArraySlice<UInt8>) -> [UInt8] {
    let high = Array(high)
    return nibbles(low).enumerated().map { i, nibble in nibble | ((high[i / 8] >> UInt8(i % 8)) & 1) << 4 }
  }
}
