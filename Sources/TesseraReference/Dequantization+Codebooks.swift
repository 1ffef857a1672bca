// The IQ formats with codebooks: indices into tables of eight or four values, with signs or shifts beside them.

extension ReferenceQuantization {
  private static let fine = Codebook(hex: Codebooks.iq1, values: [-1, 0, 1], bits: 2, length: 8)
  private static let eightsXXS = Codebook(hex: Codebooks.iq2xxs, values: [8, 25, 43], bits: 2, length: 8)
  private static let eightsXS = Codebook(hex: Codebooks.iq2xs, values: [8, 25, 43], bits: 2, length: 8)
  private static let eightsS = Codebook(hex: Codebooks.iq2s, values: [8, 25, 43], bits: 2, length: 8)
  private static let foursXXS = Codebook(
    hex: Codebooks.iq3xxs, values: [4, 12, 20, 28, 36, 44, 52, 62], bits: 4, length: 4)
  private static let foursS = Codebook(hex: Codebooks.iq3s, values: [1, 3, 5, 7, 9, 11, 13, 15], bits: 4, length: 4)

  /// Each of `values`, negative where its bit is set.
  private static func signed(_ values: ArraySlice<Float>, _ signs: UInt8) -> [Float] {
    values.enumerated().map { i, value in (signs >> UInt8(i)) & 1 == 0 ? value : -value }
  }

  /// The eight signs that seven bits stand for: an even number of them is set.
  private static func eightSigns(_ seven: UInt32) -> UInt8 {
    let bits = UInt8(truncatingIfNeeded: seven) & 127
    return bits | UInt8(bits.nonzeroBitCount % 2) << 7
  }

  private static func word32(_ b: [UInt8], _ i: Int) -> UInt32 { UInt32(word(b, i)) | UInt32(word(b, i + 2)) << 16 }

  /// Nibble `i` of the bytes from `start`.
  private static func nibble(_ b: [UInt8], _ start: Int, _ i: Int) -> Float {
    Float((b[start + i / 2] >> UInt8(4 * (i % 2))) & 15)
  }

  /// IQ2_XXS: eight groups of 32, each of four eights, d·(1/2 + scale)/4.
  static func eightsOfBytes(_ b: [UInt8]) -> [Float] {
    (0..<32).flatMap { chunk in
      let group = 2 + chunk / 4 * 8
      let bits = word32(b, group + 4)
      let scale = half(b, 0) * (0.5 + Float(bits >> 28)) * 0.25
      let signs = eightSigns(bits >> UInt32(7 * (chunk % 4)))
      return signed(eightsXXS[Int(b[group + chunk % 4])], signs).map { scale * $0 }
    }
  }

  /// IQ2_XS: sixteen groups of 16, each of two eights, d·(1/2 + scale)/4.
  static func eightsOfHalves(_ b: [UInt8]) -> [Float] {
    (0..<32).flatMap { chunk in
      let bits = word(b, 2 + 2 * chunk)
      let scale = half(b, 0) * (0.5 + nibble(b, 66, chunk / 2)) * 0.25
      return signed(eightsXS[Int(bits & 511)], eightSigns(UInt32(bits >> 9))).map { scale * $0 }
    }
  }

  /// IQ2_S: sixteen groups of 16, each of two eights, d·(1/2 + scale)/4.
  static func eightsOfTenBits(_ b: [UInt8]) -> [Float] {
    (0..<32).flatMap { chunk in
      let high = (b[66 + chunk / 4] >> UInt8(2 * (chunk % 4))) & 3
      let scale = half(b, 0) * (0.5 + nibble(b, 74, chunk / 2)) * 0.25
      return signed(eightsS[Int(b[2 + chunk]) | Int(high) << 8], b[34 + chunk]).map { scale * $0 }
    }
  }

  /// IQ3_XXS: eight groups of 32, each of eight fours, d·(1/2 + scale)/2.
  static func foursOfBytes(_ b: [UInt8]) -> [Float] {
    (0..<32).flatMap { chunk in
      let bits = word32(b, 66 + chunk / 4 * 4)
      let scale = half(b, 0) * (0.5 + Float(bits >> 28)) * 0.5
      let values = foursXXS[Int(b[2 + 2 * chunk])] + foursXXS[Int(b[3 + 2 * chunk])]
      return signed(values, eightSigns(bits >> UInt32(7 * (chunk % 4)))).map { scale * $0 }
    }
  }

  /// IQ3_S: eight groups of 32, each of eight fours, d·(1 + 2·scale).
  static func foursOfNineBits(_ b: [UInt8]) -> [Float] {
    (0..<32).flatMap { chunk in
      let high = Int(b[66 + chunk / 4]) >> (2 * (chunk % 4))
      let scale = half(b, 0) * (1 + 2 * nibble(b, 106, chunk / 4))
      let values = foursS[Int(b[2 + 2 * chunk]) | (high & 1) << 8] + foursS[Int(b[3 + 2 * chunk]) | (high & 2) << 7]
      return signed(values, b[74 + chunk]).map { scale * $0 }
    }
  }

  /// IQ1_S: eight groups of 32, each of four eights, d·(2·scale + 1)·(digit ± 1/8).
  static func eightShifted(_ b: [UInt8]) -> [Float] {
    (0..<32).flatMap { chunk in
      let bits = word(b, 34 + chunk / 4 * 2)
      let scale = half(b, 0) * Float(2 * ((bits >> 12) & 7) + 1)
      let shift: Float = bits & 0x8000 == 0 ? 0.125 : -0.125
      let high = Int(bits >> UInt16(3 * (chunk % 4))) & 7
      return fine[Int(b[2 + chunk]) | high << 8].map { scale * ($0 + shift) }
    }
  }

  /// IQ1_M: sixteen groups of 16, each of two eights, d·(2·scale + 1)·(digit ± 1/8). The top nibbles of the halves that
  /// hold the scales make the half d.
  static func eightShiftedByNibbles(_ b: [UInt8]) -> [Float] {
    let scales = (0..<4).map { word(b, 48 + 2 * $0) }
    let d = ReferenceHalf.float(
      fromHalf: scales[0] >> 12 | (scales[1] >> 8) & 0xF0 | (scales[2] >> 4) & 0xF00 | scales[3] & 0xF000)
    return (0..<32).flatMap { chunk in
      let group = chunk / 2
      let scale = d * Float(2 * ((scales[group / 4] >> UInt16(3 * (group % 4))) & 7) + 1)
      let bits = (b[32 + group] >> UInt8(4 * (chunk % 2))) & 15
      let shift: Float = bits & 8 == 0 ? 0.125 : -0.125
      return fine[Int(b[chunk]) | Int(bits & 7) << 8].map { scale * ($0 + shift) }
    }
  }
}

/// Entries of `length` values each.
private struct Codebook: Sendable {
  let length: Int
  let entries: [Float]

  /// - Parameters:
  ///   - hex: the numbers of all values, `bits` bits each, the lower ones of a byte first.
  ///   - values: what the numbers stand for.
  init(hex: String, values: [Float], bits: Int, length: Int) {
    let digits = hex.compactMap(\.hexDigitValue)
    self.length = length
    entries = stride(from: 0, to: digits.count, by: 2).flatMap { i in
      let byte = digits[i] << 4 | digits[i + 1]
      return stride(from: 0, to: 8, by: bits).map { values[(byte >> $0) & (1 << bits - 1)] }
    }
  }

  subscript(_ entry: Int) -> ArraySlice<Float> { entries[(entry * length)..<((entry + 1) * length)] }
}
