/// A tensor's element format, named as GGUF names it.
///
/// Source: the GGUF page and `ggml-common.h` of ggml, which define the block layouts.
package enum ReferenceWeightType: String, CaseIterable, Sendable {
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q8_0 = "Q8_0"
  case q2_K = "Q2_K"
  case q3_K = "Q3_K"
  case q4_K = "Q4_K"
  case q5_K = "Q5_K"
  case q6_K = "Q6_K"
  case iq1_S = "IQ1_S"
  case iq1_M = "IQ1_M"
  case iq2_XXS = "IQ2_XXS"
  case iq2_XS = "IQ2_XS"
  case iq2_S = "IQ2_S"
  case iq3_XXS = "IQ3_XXS"
  case iq3_S = "IQ3_S"
  case iq4_NL = "IQ4_NL"
  case iq4_XS = "IQ4_XS"
  case tq1_0 = "TQ1_0"
  case tq2_0 = "TQ2_0"
  case mxfp4 = "MXFP4"

  /// Elements that share one block.
  package var blockSize: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_NL, .mxfp4: 32
    default: 256
    }
  }

  /// Bytes of one block.
  package var blockByteCount: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q4_0: 18  // scale, 16 × 2 nibbles
    case .q4_1: 20  // scale, minimum, 16 × 2 nibbles
    case .q5_0: 22  // scale, 32 high bits, 16 × 2 nibbles
    case .q5_1: 24  // scale, minimum, 32 high bits, 16 × 2 nibbles
    case .q8_0: 34  // scale, 32 signed bytes
    case .q2_K: 84  // 16 pairs of 4-bit scales and minima, 64 × 4 bit pairs, scale, minimum scale
    case .q3_K: 110  // 256 high bits, 64 × 4 low bit pairs, 12 bytes of packed 6-bit scales, scale
    case .q4_K: 144  // scale, minimum scale, 12 bytes of packed 6-bit scales, 128 × 2 nibbles
    case .q5_K: 176  // the same, with 256 high bits before the nibbles
    case .q6_K: 210  // 128 × 2 nibbles, 64 × 4 high bit pairs, 16 signed scales, scale
    case .iq1_S: 50  // scale, 32 low bytes of indices, 8 halves of high bits, scale and shift
    case .iq1_M: 56  // 32 low bytes of indices, 32 nibbles of high bits and shift, 4 halves of scales
    case .iq2_XXS: 66  // scale, 8 × (4 indices, signs and scale)
    case .iq2_XS: 74  // scale, 32 halves of index and signs, 16 nibbles of scales
    case .iq2_S: 82  // scale, 32 low bytes of indices, 32 bytes of signs, 32 high bit pairs, 16 nibbles of scales
    case .iq3_XXS: 98  // scale, 64 indices, 8 words of signs and scale
    case .iq3_S: 110  // scale, 64 low bytes of indices, 64 high bits, 32 bytes of signs, 8 nibbles of scales
    case .iq4_NL: 18  // scale, 16 × 2 nibbles
    case .iq4_XS: 136  // scale, 8 high bit pairs and nibbles of scales, 128 × 2 nibbles
    case .tq1_0: 54  // 48 bytes of 5 ternary digits, 4 bytes of 4, scale
    case .tq2_0: 66  // 64 × 4 bit pairs, scale
    case .mxfp4: 17  // exponent, 16 × 2 nibbles
    }
  }

  /// Bytes of `count` elements.
  ///
  /// Throws when `count` is negative, not a whole number of blocks, or too large to address.
  package func byteCount(elements count: Int) throws(ReferenceError) -> Int {
    guard count >= 0, count % blockSize == 0 else {
      throw ReferenceError(
        .invalidParameter, "\(rawValue): \(count) elements are not a whole number of blocks of \(blockSize)")
    }
    return try elementCount(count / blockSize, blockByteCount, of: rawValue)
  }
}
