/// A weight format that the kernels read, and how its repacked planes are laid out (`Kernels/quantization/`).
///
/// The raw value is ggml's number of the type; the formats are those of the GGUF specification.
public enum WeightFormat: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case bf16 = 30

  /// Weights whose products are summed before they are scaled: `BLOCK` in the kernels.
  var blockSize: Int { self == .q6_K ? 16 : 32 }

  /// 32-bit words of a row's block: `WORDS`.
  var wordCount: Int {
    switch self {
    case .f32: 32
    case .f16, .bf16: 16
    case .q8_0: 8
    case .q5_0, .q5_1, .q5_K: 5
    case .q4_0, .q4_1, .q4_K: 4
    case .q6_K: 3
    }
  }

  /// Halves that describe one set of scales: `SCALES`.
  var scaleCount: Int {
    switch self {
    case .f32, .f16, .bf16: 0
    case .q4_0, .q5_0, .q8_0: 1
    case .q4_1, .q5_1: 2
    case .q4_K, .q5_K: 8
    case .q6_K: 9
    }
  }

  /// Blocks under one set of scales: `BLOCKS_PER_SCALE`.
  var blocksPerScale: Int {
    switch self {
    case .q4_K, .q5_K: 8
    case .q6_K: 16
    default: 1
    }
  }

  /// Weights under one set of scales; a matrix's columns must be a multiple.
  public var superBlockSize: Int { blockSize * blocksPerScale }

  /// Bytes of a super-block, repacked or in a GGUF file alike.
  public var superBlockBytes: Int { blocksPerScale * wordCount * 4 + scaleCount * 2 }

  /// What formats that unpack alike share, for `Tuning`: the bits of a quant, and whether scales are scaled in turn.
  public var tuningClass: String { "\(wordCount * 32 / blockSize)-bit\(blocksPerScale > 1 ? "-k" : "")" }

  /// The format's usual name.
  public var name: String { "\(self)".uppercased() }
}
