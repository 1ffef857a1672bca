/// A tensor's element format, named as GGUF names it.
///
/// Source: the GGUF page and `ggml-common.h` of ggml, which define the block layouts.
public enum ReferenceWeightType: String, CaseIterable, Sendable {
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q8_0 = "Q8_0"
  case q4_K = "Q4_K"
  case q5_K = "Q5_K"
  case q6_K = "Q6_K"

  /// Elements that share one block.
  public var blockSize: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
    case .q4_K, .q5_K, .q6_K: 256
    }
  }

  /// Bytes of one block.
  public var blockByteCount: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q4_0: 18  // scale, 16 × 2 nibbles
    case .q4_1: 20  // scale, minimum, 16 × 2 nibbles
    case .q5_0: 22  // scale, 32 high bits, 16 × 2 nibbles
    case .q5_1: 24  // scale, minimum, 32 high bits, 16 × 2 nibbles
    case .q8_0: 34  // scale, 32 signed bytes
    case .q4_K: 144  // scale, minimum scale, 12 bytes of packed 6-bit scales, 128 × 2 nibbles
    case .q5_K: 176  // the same, with 256 high bits before the nibbles
    case .q6_K: 210  // 128 × 2 nibbles, 64 × 4 high bit pairs, 16 signed scales, scale
    }
  }

  /// Bytes of `count` elements.
  ///
  /// Throws when `count` is negative, not a whole number of blocks, or too large to address.
  public func byteCount(elements count: Int) throws(ReferenceError) -> Int {
    guard count >= 0, count % blockSize == 0 else {
      throw ReferenceError(
        .invalidParameter, "\(rawValue): \(count) elements are not a whole number of blocks of \(blockSize)")
    }
    return try elementCount(count / blockSize, blockByteCount, of: rawValue)
  }
}
