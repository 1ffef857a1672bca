/// The element types of ggml, with their numbers in GGUF files.
///
/// A row of a tensor is stored as blocks of `blockElementCount` elements that take `blockByteCount` bytes each.
/// Source: `enum ggml_type` in `ggml/include/ggml.h` and the block structures in `ggml/src/ggml-common.h`
/// (https://github.com/ggml-org/ggml).
// The names are ggml's own, underscores included.
// swift-format-ignore: AlwaysUseLowerCamelCase
package enum GGMLType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q8_1 = 9
  case q2_K = 10
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case q8_K = 15
  case iq2_XXS = 16
  case iq2_XS = 17
  case iq3_XXS = 18
  case iq1_S = 19
  case iq4_NL = 20
  case iq3_S = 21
  case iq2_S = 22
  case iq4_XS = 23
  case i8 = 24
  case i16 = 25
  case i32 = 26
  case i64 = 27
  case f64 = 28
  case iq1_M = 29
  case bf16 = 30
  case tq1_0 = 34
  case tq2_0 = 35
  case mxfp4 = 39
  case nvfp4 = 40
  case q1_0 = 41
  case q2_0 = 42

  /// Elements in a block; 1 for types that are not quantized. A row's length is a multiple of it.
  package var blockElementCount: Int { layout.elements }

  /// Bytes that a block takes.
  package var blockByteCount: Int { layout.bytes }

  /// Whether elements are stored in blocks that share scales.
  package var isQuantized: Bool { blockElementCount > 1 }

  /// The type's name in ggml's spelling: `F32`, `Q4_1`, `IQ2_XXS`.
  package var name: String { "\(self)".uppercased() }

  /// The name of a type that an older ggml wrote and current files must not hold; nil for all other numbers.
  package static func removedName(_ number: UInt32) -> String? {
    switch number {
    case 4: "Q4_2"
    case 5: "Q4_3"
    case 31: "Q4_0_4_4"
    case 32: "Q4_0_4_8"
    case 33: "Q4_0_8_8"
    case 36: "IQ4_NL_4_4"
    case 37: "IQ4_NL_4_8"
    case 38: "IQ4_NL_8_8"
    default: nil
    }
  }

  // Byte counts are spelled as the sums of the block structures' fields.
  private var layout: (elements: Int, bytes: Int) {
    switch self {
    case .i8: (1, 1)
    case .f16, .bf16, .i16: (1, 2)
    case .f32, .i32: (1, 4)
    case .f64, .i64: (1, 8)
    case .q4_0: (32, 2 + 16)
    case .q4_1: (32, 2 + 2 + 16)
    case .q5_0: (32, 2 + 4 + 16)
    case .q5_1: (32, 2 + 2 + 4 + 16)
    case .q8_0: (32, 2 + 32)
    case .q8_1: (32, 2 + 2 + 32)
    case .q2_K: (256, 16 + 64 + 2 + 2)
    case .q3_K: (256, 32 + 64 + 12 + 2)
    case .q4_K: (256, 2 + 2 + 12 + 128)
    case .q5_K: (256, 2 + 2 + 12 + 32 + 128)
    case .q6_K: (256, 128 + 64 + 16 + 2)
    case .q8_K: (256, 4 + 256 + 32)
    case .iq2_XXS: (256, 2 + 64)
    case .iq2_XS: (256, 2 + 64 + 8)
    case .iq2_S: (256, 2 + 64 + 8 + 8)
    case .iq3_XXS: (256, 2 + 96)
    case .iq3_S: (256, 2 + 64 + 8 + 32 + 4)
    case .iq1_S: (256, 2 + 32 + 16)
    case .iq1_M: (256, 32 + 16 + 8)
    case .iq4_NL: (32, 2 + 16)
    case .iq4_XS: (256, 2 + 2 + 4 + 128)
    case .tq1_0: (256, 48 + 4 + 2)
    case .tq2_0: (256, 64 + 2)
    case .mxfp4: (32, 1 + 16)
    case .nvfp4: (64, 4 + 32)
    case .q1_0: (128, 2 + 16)
    case .q2_0: (64, 2 + 16)
    }
  }
}
