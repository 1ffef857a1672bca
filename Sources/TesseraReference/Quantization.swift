/// The quantizers as plain loops: float32 in, blocks out, byte for byte as numpy's `gguf.quants.quantize` makes them.
///
/// As with the kernels, a block whose scale or its inverse is below 2⁻¹²⁶ has quants for zero; elements are finite.
extension ReferenceQuantization {
  /// The blocks of `type` for `values`.
  ///
  /// Throws ``ReferenceError`` when `values` is not a whole number of blocks, or there is no quantizer for the type.
  package static func quantize(type: ReferenceWeightType, _ values: [Float]) throws(ReferenceError) -> [UInt8] {
    _ = try type.byteCount(elements: values.count)
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: values.count, by: type.blockSize) {
      let x = Array(values[start..<start + type.blockSize])
      switch type {
      case .f32: bytes += (0..<4).map { UInt8(truncatingIfNeeded: x[0].bitPattern >> (8 * $0)) }
      case .f16: bytes += littleEndian(ReferenceHalf.half(fromFloat: x[0]))
      case .bf16: bytes += littleEndian(ReferenceHalf.bfloat16(fromFloat: x[0]))
      case .q4_0: bytes += signed(x, lowest: -8)
      case .q5_0: bytes += signed(x, lowest: -16)
      case .q4_1: bytes += withMinimum(x, steps: 15)
      case .q5_1: bytes += withMinimum(x, steps: 31)
      case .q8_0: bytes += bytes8(x)
      case .tq1_0, .tq2_0: bytes += trits(x, pairs: type == .tq2_0)
      case .mxfp4: bytes += microscaled(x)
      case .q4_K: bytes += QuantizerSearch.withMinima(x, steps: 15)
      case .q5_K: bytes += QuantizerSearch.withMinima(x, steps: 31)
      case .q6_K: bytes += QuantizerSearch.signedParts(x)
      default: throw ReferenceError(.invalidParameter, "\(type.rawValue) has no quantizer")
      }
    }
    return bytes
  }

  static func littleEndian(_ value: UInt16) -> [UInt8] { [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)] }

  /// 1 / d, and zero where it or d is below 2⁻¹²⁶.
  static func inverse(_ d: Float) -> Float {
    let inverse = 1 / d
    return d.isNormal && inverse.isNormal ? inverse : 0
  }

  private static func largest(_ x: [Float]) -> Float { x.reduce(x[0]) { abs($1) > abs($0) ? $1 : $0 } }

  private static func signed(_ x: [Float], lowest: Float) -> [UInt8] {
    let d = largest(x) / lowest
    return littleEndian(ReferenceHalf.half(fromFloat: d))
      + packed(x.map { UInt8(min(max($0 * inverse(d) + (0.5 - lowest), 0), -2 * lowest - 1)) }, hasHigh: lowest < -8)
  }

  private static func withMinimum(_ x: [Float], steps: Float) -> [UInt8] {
    let least = x.reduce(x[0]) { $1 < $0 ? $1 : $0 }, most = x.reduce(x[0]) { $1 > $0 ? $1 : $0 }
    let d = (most - least) / steps
    return littleEndian(ReferenceHalf.half(fromFloat: d)) + littleEndian(ReferenceHalf.half(fromFloat: least))
      + packed(x.map { UInt8(min(max(($0 - least) * inverse(d) + 0.5, 0), steps)) }, hasHigh: steps > 15)
  }

  /// High bits, where there are any, and the nibbles: those of quants 0 to 15 the low ones.
  private static func packed(_ quants: [UInt8], hasHigh: Bool) -> [UInt8] {
    var high: UInt32 = 0
    for (i, quant) in quants.enumerated() { high |= UInt32(quant >> 4) << UInt32(i) }
    return (hasHigh ? (0..<4).map { UInt8(truncatingIfNeeded: high >> (8 * $0)) } : [])
      + (0..<16).map { quants[$0] & 15 | (quants[$0 + 16] & 15) << 4 }
  }

  private static func bytes8(_ x: [Float]) -> [UInt8] {
    let d = abs(largest(x)) / 127
    return littleEndian(ReferenceHalf.half(fromFloat: d))
      + x.map { UInt8(bitPattern: Int8(($0 * inverse(d)).rounded(.toNearestOrAwayFromZero))) }
  }

  private static func trits(_ x: [Float], pairs: Bool) -> [UInt8] {
    let d = abs(largest(x))
    let digits = x.map { UInt32(min(max(($0 * inverse(d)).rounded(.toNearestOrAwayFromZero), -1), 1) + 1) }
    var bytes: [UInt8] = []
    if pairs {
      for j in 0..<64 {
        let first = j / 32 * 128 + j % 32
        bytes.append(UInt8((0..<4).reduce(0) { $0 | digits[first + $1 * 32] << UInt32(2 * $1) }))
      }
    } else {
      for (start, width, count) in [(0, 32, 5), (160, 16, 5), (240, 4, 4)] {
        for j in 0..<width {
          let number = (0..<5).reduce(UInt32(0)) { 3 * $0 + ($1 < count ? digits[start + j + $1 * width] : 0) }
          bytes.append(UInt8((number * 256 + 242) / 243))
        }
      }
    }
    return bytes + littleEndian(ReferenceHalf.half(fromFloat: d))
  }

  private static func microscaled(_ x: [Float]) -> [UInt8] {
    let d = abs(largest(x))
    // The logarithm is rounded to float32, and so may be the next integer just below a power of two.
    let logarithm = d.isNormal ? Int(Float(logarithm2(Double(d))).rounded(.down)) : -125
    let e = min(max(logarithm + 125, 0), 254)
    let half = Float(bitPattern: e < 2 ? 0x0020_0000 << UInt32(e) : UInt32(e - 1) << 23)
    let table: [Float] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]
    let quants = x.map { value in
      UInt8(table.indices.reduce(0) { abs(half * table[$1] - value) < abs(half * table[$0] - value) ? $1 : $0 })
    }
    return [UInt8(e)] + (0..<16).map { quants[$0] | quants[$0 + 16] << 4 }
  }

  /// The base-2 logarithm of a positive, normal number, good to 50 bits.
  private static func logarithm2(_ x: Double) -> Double {
    // 2 · artanh((m − 1)/(m + 1)) = ln m, for m from √½ to √2.
    let isHigh = x.significand > 1.414
    let m = isHigh ? x.significand / 2 : x.significand
    let t = (m - 1) / (m + 1)
    var sum = 0.0
    for k in stride(from: 41, through: 1, by: -2) { sum = sum * t * t + 1 / Double(k) }
    return Double(x.exponent) + (isHigh ? 1 : 0) + 2 * t * sum / 0.693147180559945309
  }
}

extension ReferenceHalf {
  /// The nearest bfloat16's bit pattern; ties go to even, a NaN stays one.
  package static func bfloat16(fromFloat value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 64 }
    return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
  }
}
