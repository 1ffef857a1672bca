import TesseraFiles
import TesseraOperators

extension WeightFormat {
  /// The format of a file's tensors of a type; nil where kernels do not read it.
  init?(_ type: GGMLType) {
    guard let format = Self.allCases.first(where: { $0.ggmlType == type }) else { return nil }
    self = format
  }

  /// The type that tensors of the format have in a GGUF file; nil for a format that none can have.
  var ggmlType: GGMLType? {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .q4_0: .q4_0
    case .q4_1: .q4_1
    case .q5_0: .q5_0
    case .q5_1: .q5_1
    case .q8_0: .q8_0
    case .q2_K: .q2_K
    case .q3_K: .q3_K
    case .q4_K: .q4_K
    case .q5_K: .q5_K
    case .q6_K: .q6_K
    case .iq2_XXS: .iq2_XXS
    case .iq2_XS: .iq2_XS
    case .iq3_XXS: .iq3_XXS
    case .iq1_S: .iq1_S
    case .iq4_NL: .iq4_NL
    case .iq3_S: .iq3_S
    case .iq2_S: .iq2_S
    case .iq4_XS: .iq4_XS
    case .iq1_M: .iq1_M
    case .bf16: .bf16
    case .tq1_0: .tq1_0
    case .tq2_0: .tq2_0
    case .mxfp4: .mxfp4
    }
  }
}
