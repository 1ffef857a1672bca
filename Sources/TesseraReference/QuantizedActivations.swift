/// Activations rounded to 8 bits, as products of the fast mode take them.
package enum ReferenceQuantizedActivations {
  /// The columns that share a scale.
  package static let blockSize = 32

  /// Each block of 32 of `x`, [tokenCount · columnCount], as scale · q: scale = max |x| / 127 and q = x · (127 / max |x|)
  /// rounded to nearest even, in float32 (Q8_0 of ggml, but with a float32 scale).
  ///
  /// - Throws: ``ReferenceError`` when `x` is not a whole number of blocks.
  package static func rounded(_ x: [Float]) throws(ReferenceError) -> [Float] {
    guard x.count.isMultiple(of: blockSize) else {
      throw ReferenceError(.shapeMismatch, "\(x.count) activations are not a whole number of blocks of \(blockSize)")
    }
    var result = x
    for start in stride(from: 0, to: x.count, by: blockSize) {
      let block = start..<start + blockSize
      let largest = x[block].reduce(0) { max($0, abs($1)) }
      guard largest > 0 else { continue }
      let scale = largest / 127
      let inverse = 127 / largest
      for i in block { result[i] = scale * (x[i] * inverse).rounded(.toNearestOrEven) }
    }
    return result
  }
}

/// Activations rounded to 16 bits, as matrix units take them.
package enum ReferenceHalfActivations {
  /// Each of `x`, (tokens, columns), times the power of two that brings its token's largest to 2¹⁴ … 2¹⁵, rounded to nearest even,
  /// and divided by it again.
  ///
  /// - Parameter isBrainFloat: bfloat16, else binary16.
  package static func rounded(_ x: [Float], columns: Int, isBrainFloat: Bool) -> [Float] {
    var result = x
    for start in stride(from: 0, to: x.count, by: columns) {
      let row = start..<min(start + columns, x.count)
      let largest = x[row].reduce(0) { max($0, abs($1)) }
      guard largest > 0 else { continue }
      let factor = Float(sign: .plus, exponent: 14 - largest.exponent, significand: 1)
      for i in row {
        let scaled = x[i] * factor
        let bits = scaled.bitPattern
        let brain = Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
        result[i] =
          (isBrainFloat ? brain : ReferenceHalf.float(fromHalf: ReferenceHalf.half(fromFloat: scaled))) / factor
      }
    }
    return result
  }
}
