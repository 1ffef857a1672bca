/// Weights as their formats define them: bytes in, float32 values out, bit for bit.
///
/// Every value is computed with the float32 operations, in the order, that ggml's `dequantize_row_*` and numpy's
/// `gguf.quants.dequantize` use, so results are equal to theirs bit for bit (a NaN equals any NaN).
public enum ReferenceQuantization {
  /// The float32 values of `count` elements of `type` stored in `bytes`.
  ///
  /// Throws ``ReferenceError`` when `count` is not a whole number of blocks or `bytes` is not their exact length.
  public static func dequantize(
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
    }
  }

  private static func word(_ b: [UInt8], _ i: Int) -> UInt16 { UInt16(b[i]) | UInt16(b[i + 1]) << 8 }

  private static func half(_ b: [UInt8], _ i: Int) -> Float { ReferenceHalf.float(fromHalf: word(b, i)) }

  /// Low nibbles first, then high nibbles.
  private static func nibbles(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    bytes.map { $0 & 15 } + bytes.map { $0 >> 4 }
  }

  /// Bit i of `high` is element i's fifth bit.
  private static func fiveBits(high: ArraySlice<UInt8>, low: ArraySlice<UInt8>) -> [UInt8] {
    let high = Array(high)
    return nibbles(low).enumerated().map { i, nibble in nibble | ((high[i / 8] >> UInt8(i % 8)) & 1) << 4 }
  }

  /// Q4_K and Q5_K: eight groups of 32, each d·scale·q − dmin·minimum.
  private static func superBlock(_ b: [UInt8], highBits: ArraySlice<UInt8>?, nibbles: ArraySlice<UInt8>) -> [Float] {
    let scale = half(b, 0)
    let minimumScale = half(b, 2)
    let packed = Array(b[4..<16])
    let high = highBits.map { Array($0) }
    let low = Array(nibbles)
    var values: [Float] = []
    for group in 0..<8 {
      let (groupScale, groupMinimum) = sixBitPair(packed, group)
      let d = scale * Float(groupScale)
      let m = minimumScale * Float(groupMinimum)
      for i in 0..<32 {
        // Groups 2j and 2j+1 are the low and high nibbles of the same 32 bytes.
        var q = (low[(group / 2) * 32 + i] >> UInt8(4 * (group % 2))) & 15
        if let high { q |= ((high[i] >> UInt8(group)) & 1) << 4 }
        values.append(d * Float(q) - m)
      }
    }
    return values
  }

  /// The 6-bit scale and minimum of `group` (0..<8) from the 12 packed bytes.
  private static func sixBitPair(_ p: [UInt8], _ group: Int) -> (scale: UInt8, minimum: UInt8) {
    if group < 4 { return (p[group] & 63, p[group + 4] & 63) }
    let j = group - 4
    return ((p[8 + j] & 15) | ((p[j] >> 6) << 4), (p[8 + j] >> 4) | ((p[4 + j] >> 6) << 4))
  }

  /// Q6_K: sixteen groups of 16, each d·scale·(q − 32).
  private static func sixBits(_ b: [UInt8]) -> [Float] {
    let scale = half(b, 208)
    var values: [Float] = []
    for i in 0..<256 {
      let part = i / 128  // Two halves of 128 elements, each with 64 low bytes and 32 high bytes.
      let row = (i % 128) / 32
      let column = i % 32
      let low = (b[part * 64 + (row % 2) * 32 + column] >> UInt8(4 * (row / 2))) & 15
      let high = (b[128 + part * 32 + column] >> UInt8(2 * row)) & 3
      let d = scale * Float(Int8(bitPattern: b[192 + i / 16]))
      values.append(d * Float(Int(low | high << 4) - 32))
    }
    return values
  }
}
