import TesseraFiles

/// The type that a tensor gets when a model is converted.
package enum ConversionType {
  /// The types that can be asked for, by their names in lower case.
  package static let all = GGMLType.allCases.filter { ModelConverter.canConvert(.f32, to: $0) }

  /// The type of that name, such as `q4_k`; nil where there is none that elements can be brought to.
  package static func named(_ name: String) -> GGMLType? { all.first { $0.name == name.uppercased() } }

  /// The type that a tensor gets where its model is brought to `wanted`.
  ///
  /// Vectors, norms' weights and the routers of experts are float32. Others are of the wanted type, or where rows are not
  /// whole blocks of it of one with smaller blocks, float16 at last. What is quantized already stays as it is.
  ///
  /// - Parameters:
  ///   - name: the tensor's name in a GGUF file.
  ///   - source: the type that it has; nil for one of floats.
  package static func type(
    of name: String, shape: [Int], from source: GGMLType? = nil, wanted: GGMLType?
  ) -> GGMLType {
    if let source, !ModelConverter.canConvert(source, to: .f32) { return source }
    if let source, wanted == nil { return source }
    let isSmall = shape.count < 2 || shape.dropLast().allSatisfy { $0 == 1 }
    if isSmall || keptNames.contains(where: { name.contains($0) }) { return .f32 }
    let columns = shape.last ?? 1
    var type = wanted ?? .f32
    while !columns.isMultiple(of: type.blockElementCount) { type = fallback(type) }
    return type
  }

  // As with llama.cpp's quantizer.
  private static let keptNames = ["_norm.", "_norm_", "ffn_gate_inp", "position_embd", "token_types"]

  /// A type with smaller blocks and no fewer bits.
  private static func fallback(_ type: GGMLType) -> GGMLType {
    switch type {
    case .tq1_0, .tq2_0: .q4_0
    case .q4_K: .q5_0
    case .q5_K: .q5_1
    case .q6_K: .q8_0
    default: .f16
    }
  }

  /// llama.cpp's number for a file most of whose tensors have a type: `general.file_type`.
  ///
  /// Source: `enum llama_ftype` in `include/llama.h` of llama.cpp.
  package static func fileType(_ type: GGMLType) -> UInt32? {
    switch type {
    case .f32: 0
    case .f16: 1
    case .q4_0: 2
    case .q4_1: 3
    case .q8_0: 7
    case .q5_0: 8
    case .q5_1: 9
    case .q4_K: 14
    case .q5_K: 16
    case .q6_K: 18
    case .bf16: 32
    case .tq1_0: 36
    case .tq2_0: 37
    case .mxfp4: 38
    default: nil
    }
  }
}
