// The K formats: super-blocks of 256 weights whose groups have scales of their own, in few bits.

extension ReferenceQuantization {
  /// Q4_K and Q5_K: eight groups of 32, each d·scale·q − dmin·minimum.
  static func superBlock(_ b: [UInt8], highBits: ArraySlice<UInt8>?, nibbles: ArraySlice<UInt8>) -> [Float] {
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
  static func sixBits(_ b: [UInt8]) -> [Float] {
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

  /// Q2_K: sixteen groups of 16, each d·scale·q − dmin·minimum.
  static func twoBits(_ b: [UInt8]) -> [Float] {
    let (scale, minimumScale) = (half(b, 80), half(b, 82))
    return bitPairs(b[16..<80]).enumerated().map { i, q in
      let d = scale * Float(b[i / 16] & 15)
      let m = minimumScale * Float(b[i / 16] >> 4)
      return d * Float(q) - m
    }
  }

  /// Q3_K: sixteen groups of 16, each d·(scale − 32)·(q − 4), where a set high bit adds 4 to q.
  static func threeBits(_ b: [UInt8]) -> [Float] {
    let packed = Array(b[96..<108])
    return bitPairs(b[32..<96]).enumerated().map { i, low in
      let group = i / 16
      let nibble = (packed[group % 8] >> UInt8(4 * (group / 8))) & 15
      let pair = (packed[8 + group % 4] >> UInt8(2 * (group / 4))) & 3
      let d = half(b, 108) * Float(Int(nibble | pair << 4) - 32)
      let high = (b[i % 32] >> UInt8(i / 32)) & 1
      return d * Float(Int(low | high << 2) - 4)
    }
  }
}
