import Foundation

/// A kernel variant as it is launched, for what compiles it elsewhere: `scripts/gpu-check`.
package struct VariantDescription: Encodable, Hashable, Sendable {
  /// Below `Kernels/`.
  package let file: String
  /// The kernel's name.
  package let function: String
  /// Its constants, by name, beside `SIMT`, `HELD_SUMS` and `LOCAL`, which the library adds.
  package let defines: [String: Int]
  /// Work-items of a work-group, in three dimensions.
  package let local: [Int]
  /// `c12` or `c3`.
  package let language: String
  /// The PTX target that it needs, where it is not the device's own.
  package let target: String?

  /// A JSON object in one line.
  package func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

extension Dispatch {
  /// The variant that this launches.
  package var variantDescription: VariantDescription {
    VariantDescription(
      file: variant.file, function: variant.function,
      defines: Dictionary(variant.defines.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }),
      local: [localSize, 1, 1], language: variant.language.rawValue,
      target: variant.target)
  }
}
