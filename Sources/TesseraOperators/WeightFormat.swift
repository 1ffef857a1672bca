import TesseraMemory

/// A weight format that the kernels read, and how its repacked planes are laid out (`Kernels/quantization/`).
///
/// The raw value is the number by which kernels know it, and nobody else; the formats are those of the GGUF specification.
// The names are ggml's own, underscores included.
// swift-format-ignore: AlwaysUseLowerCamelCase
public enum WeightFormat: Int, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q2_K = 10
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case iq2_XXS = 16
  case iq2_XS = 17
  case iq3_XXS = 18
  case iq1_S = 19
  case iq4_NL = 20
  case iq3_S = 21
  case iq2_S = 22
  case iq4_XS = 23
  case iq1_M = 29
  case bf16 = 30
  case tq1_0 = 34
  case tq2_0 = 35
  case mxfp4 = 39

  /// Whether weights are floats, each for itself.
  public var isFloat: Bool { self == .f32 || self == .f16 || self == .bf16 }

  /// How a format lies on the device and in a file.
  private struct Layout {
    /// Weights whose products are summed before they are scaled: `BLOCK` in the kernels.
    var block: Int
    /// 32-bit words of a row's block: `WORDS`.
    var words: Int
    /// Halves that describe one set of scales, and what else a super-block keeps with them: `SCALES`.
    var scales: Int
    /// Blocks under one set of scales: `BLOCKS_PER_SCALE`.
    var blocksPerScale = 1
    /// Bytes of a super-block in a file: `GGUF_BYTES`.
    var fileBytes: Int

    init(_ block: Int, words: Int, scales: Int, blocksPerScale: Int = 1, fileBytes: Int) {
      (self.block, self.words, self.scales) = (block, words, scales)
      (self.blocksPerScale, self.fileBytes) = (blocksPerScale, fileBytes)
    }
  }

  private var layout: Layout {
    switch self {
    case .f32: Layout(32, words: 32, scales: 0, fileBytes: 128)
    case .f16, .bf16: Layout(32, words: 16, scales: 0, fileBytes: 64)
    case .q4_0, .iq4_NL: Layout(32, words: 4, scales: 1, fileBytes: 18)
    case .q4_1: Layout(32, words: 4, scales: 2, fileBytes: 20)
    case .q5_0: Layout(32, words: 5, scales: 1, fileBytes: 22)
    case .q5_1: Layout(32, words: 5, scales: 2, fileBytes: 24)
    case .q8_0: Layout(32, words: 8, scales: 1, fileBytes: 34)
    case .q2_K: Layout(16, words: 1, scales: 10, blocksPerScale: 16, fileBytes: 84)
    case .q3_K: Layout(16, words: 1, scales: 23, blocksPerScale: 16, fileBytes: 110)
    case .q4_K: Layout(32, words: 4, scales: 8, blocksPerScale: 8, fileBytes: 144)
    case .q5_K: Layout(32, words: 5, scales: 8, blocksPerScale: 8, fileBytes: 176)
    case .q6_K: Layout(16, words: 3, scales: 9, blocksPerScale: 16, fileBytes: 210)
    case .iq1_S: Layout(32, words: 1, scales: 9, blocksPerScale: 8, fileBytes: 50)
    case .iq1_M: Layout(16, words: 0, scales: 28, blocksPerScale: 16, fileBytes: 56)
    case .iq2_XXS: Layout(32, words: 2, scales: 3, blocksPerScale: 8, fileBytes: 66)
    case .iq2_XS: Layout(16, words: 1, scales: 7, blocksPerScale: 16, fileBytes: 74)
    case .iq2_S: Layout(16, words: 1, scales: 9, blocksPerScale: 16, fileBytes: 82)
    case .iq3_XXS: Layout(32, words: 3, scales: 3, blocksPerScale: 8, fileBytes: 98)
    case .iq3_S: Layout(32, words: 3, scales: 7, blocksPerScale: 8, fileBytes: 110)
    case .iq4_XS: Layout(32, words: 4, scales: 4, blocksPerScale: 8, fileBytes: 136)
    case .tq1_0: Layout(32, words: 0, scales: 27, blocksPerScale: 8, fileBytes: 54)
    case .tq2_0: Layout(32, words: 2, scales: 1, blocksPerScale: 8, fileBytes: 66)
    case .mxfp4: Layout(32, words: 4, scales: 1, fileBytes: 17)
    }
  }

  /// The constant by which kernels know it.
  var define: KernelVariant.Define { .init("WEIGHT_TYPE", rawValue) }

  /// Weights whose products are summed before they are scaled: `BLOCK` in the kernels.
  var blockSize: Int { layout.block }

  /// 32-bit words of a row's block: `WORDS`.
  var wordCount: Int { layout.words }

  /// A row's blocks, of which `unit` are loaded together.
  func rowBlocks(columns: Int, unit: Int) -> TilePlan.Matrix.RowBlocks {
    .init(
      size: layout.block, count: columns / layout.block, words: layout.words, unit: unit, scales: layout.scales,
      perScale: layout.blocksPerScale)
  }

  /// Whether weights are a map of what their bits say, by scales: `SCALES`.
  var hasScales: Bool { layout.scales > 0 }

  /// Weights under one set of scales; a matrix's columns must be a multiple.
  public var superBlockSize: Int { layout.block * layout.blocksPerScale }

  /// Bytes of a super-block on the device.
  public var superBlockBytes: Int { layout.blocksPerScale * layout.words * 4 + layout.scales * 2 }

  /// Bytes of a super-block in a GGUF file.
  public var fileSuperBlockBytes: Int { layout.fileBytes }

  /// The class of formats that unpack alike, for `Tuning`: the bits of a quant, and whether scales are scaled in turn.
  public var tuningClass: String {
    "\(max(1, wordCount * 32 / blockSize))-bit\(layout.blocksPerScale > 1 ? "-k" : "")"
  }

  /// The format's usual name.
  public var name: String { "\(self)".uppercased() }
}
