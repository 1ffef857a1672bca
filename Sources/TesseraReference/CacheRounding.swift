/// How a KV cache's types round the elements of a head: to halves, or in ggml's blocks of 32.
///
/// Source: `quantize_row_q8_0_ref` and `quantize_row_q4_0_ref` of ggml.
package enum ReferenceCacheType: String, Sendable, CaseIterable {
  case f32, f16, q8_0, q4_0

  /// Blocks of 32 elements: the bits of each one's scale, and its quants, −8 to 7 or −127 to 127.
  ///
  /// Only for the quantized types; elements past the last whole block are dropped.
  package func blocks(_ x: [Float]) -> [(scale: UInt16, quants: [Int8])] {
    stride(from: 0, to: x.count / 32 * 32, by: 32).map { start in
      let block = x[start..<start + 32]
      // The first of those that are largest in magnitude.
      let largest = block.reduce(0) { abs($1) > abs($0) ? $1 : $0 }
      let scale = self == .q8_0 ? abs(largest) / 127 : largest / -8
      let inverse = scale == 0 ? 0 : 1 / scale
      let quants = block.map { element in
        self == .q8_0
          ? Int8((element * inverse).rounded(.toNearestOrAwayFromZero))
          : Int8(min(15, Int((element * inverse + 8.5).rounded(.towardZero))) - 8)
      }
      return (ReferenceHalf.half(fromFloat: scale), quants)
    }
  }

  /// The numbers that are kept of `x`, whose heads have a multiple of 32 elements where the type is quantized.
  package func rounded(_ x: [Float]) -> [Float] {
    switch self {
    case .f32: x
    case .f16: x.map { ReferenceHalf.float(fromHalf: ReferenceHalf.half(fromFloat: $0)) }
    case .q8_0, .q4_0:
      blocks(x).flatMap { block in
        block.quants.map { ReferenceHalf.float(fromHalf: block.scale) * Float($0) }
      }
    }
  }

  /// The numbers that are kept of heads of `headDim` elements, each of which the cache fills up with zeros.
  package func rounded(_ x: [Float], headDim: Int) -> [Float] {
    guard self == .q8_0 || self == .q4_0, !headDim.isMultiple(of: 32) else { return rounded(x) }
    let padding = [Float](repeating: 0, count: 32 - headDim % 32)
    return stride(from: 0, to: x.count, by: headDim).flatMap { start in
      rounded(x[start..<start + headDim] + padding).prefix(headDim)
    }
  }
}
